//! What every kind of packed matrix is asked about its size, in tests.

/// Asserts that `packed_bytes` of so many inputs and outputs are those that `allocated` found, and that what cannot
/// be counted is the greatest number.
pub(crate) fn check_packed_bytes(
    packed_bytes: fn(usize, usize) -> usize,
    allocated: fn(usize, usize) -> usize,
) {
    for (inputs, outputs) in [(1, 1), (5, 64), (384, 65), (1536, 384)] {
        assert_eq!(packed_bytes(inputs, outputs), allocated(inputs, outputs));
    }
    assert_eq!(packed_bytes(0, usize::MAX), 0);
    assert_eq!(packed_bytes(usize::MAX, 1), usize::MAX);
    assert_eq!(packed_bytes(1, usize::MAX), usize::MAX);
}
