//! The Sealnote parent: copies bytes between clients and the enclave, and can read none of them.
