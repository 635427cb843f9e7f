//! Vsock sockets to listen on: what their peers can make the kernel keep is small, and known.

use std::{io, os::fd::OwnedFd};

// The macros need each other, and the path `libc`.
use nix::{
    getsockopt_impl, libc, setsockopt_impl, sockopt_impl,
    sys::socket::{GetSockOpt, SetSockOpt},
};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio_vsock::VsockListener;

/// How many bytes the kernel keeps of what an accepted vsock connection was sent and did not read, and
/// the most that it has on its way to a peer that does not read.
///
/// The kernel's default is sixteen times as much, of which strangers could make use and the enclave could
/// not: it reads no more than this at once. Between two emulated guests 29 MB/s are carried instead of 56,
/// each of them many times what is classified.
pub const VSOCK_BUFFER: u64 = 16 * 1024;

/// How many vsock connections wait to be accepted; the kernel lets one more in, and resets the others.
/// Few, since each may have filled its buffer; whoever is reset tries again.
pub const VSOCK_BACKLOG: u16 = 16;

/// Listens. Connections inherit the buffer's size from the socket that accepts them, so it is set
/// before there can be one.
pub(crate) fn bind(cid: u32, port: u32) -> io::Result<VsockListener> {
    let socket = Socket::new(Domain::VSOCK, Type::STREAM, None)?;
    // The size is cut down to the maximum, and no program raises it again.
    BufferMaxSize.set(&socket, &VSOCK_BUFFER)?;
    if BufferSize.get(&socket)? != VSOCK_BUFFER {
        return Err(io::ErrorKind::Unsupported.into());
    }
    socket.bind(&SockAddr::vsock(cid, port))?;
    socket.listen(VSOCK_BACKLOG.into())?;
    // Panics only outside a runtime, or where the kernel has no memory left for a program's start.
    Ok(OwnedFd::from(socket).into())
}

// linux/vm_sockets.h; the level of these options is the address family (vsock(7)).
const SO_VM_SOCKETS_BUFFER_SIZE: libc::c_int = 0;
const SO_VM_SOCKETS_BUFFER_MAX_SIZE: libc::c_int = 2;

sockopt_impl!(
    BufferSize,
    GetOnly,
    libc::AF_VSOCK,
    SO_VM_SOCKETS_BUFFER_SIZE,
    u64
);
sockopt_impl!(
    BufferMaxSize,
    SetOnly,
    libc::AF_VSOCK,
    SO_VM_SOCKETS_BUFFER_MAX_SIZE,
    u64
);
