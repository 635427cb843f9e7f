//! Unix sockets to listen on: private to their owner, taken over only from the dead, removed at
//! the end.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

/// Listens on `path` with mode 0600.
///
/// A socket file that nobody listens on any more is replaced; anything else in the way is an error.
pub(crate) async fn bind(path: &Path) -> Result<(UnixListener, SocketFile), BindError> {
    let listener = match bind_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path).await?;
            bind_private(path)?
        }
        other => other?,
    };
    let file = SocketFile::new(path)?;
    Ok((listener, file))
}

pub(crate) enum BindError {
    InUse,
    NotASocket,
    Io(io::Error),
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        BindError::Io(error)
    }
}

/// Removes the socket file when dropped, if it is still the one that was bound.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        // Kept absolute, so that a later change of directory does not spare it.
        let path = std::path::absolute(path)?;
        let identity = identity(&path)?;
        Ok(SocketFile { path, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

const BACKLOG: i32 = 1024;

fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Between bind and listen every connection is refused, so nobody slips in before the mode is
    // set.
    let narrowed = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    if let Err(error) = narrowed.and_then(|()| socket.listen(BACKLOG)) {
        let _ = fs::remove_file(path);
        return Err(error);
    }
    UnixListener::from_std(socket.into())
}

async fn remove_stale(path: &Path) -> Result<(), BindError> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(BindError::NotASocket);
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(fs::remove_file(path)?)
        }
        // Accepted, or the queue is full: somebody lives there.
        Ok(_) => Err(BindError::InUse),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(BindError::InUse),
        Err(error) => Err(BindError::Io(error)),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
