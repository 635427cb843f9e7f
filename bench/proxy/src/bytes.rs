//! Many bytes through a socket, with as few system calls as a proxy could make at best.

use std::io::{self, Read, Write};

use socket2::Socket;

/// Of every read and write in bulk.
pub const CHUNK: usize = 64 * 1024;

pub fn write(mut socket: &Socket, count: u64) -> io::Result<()> {
    let chunk = [0x5a; CHUNK];
    let mut left = count;
    while left > 0 {
        let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        socket.write_all(&chunk[..length])?;
        left -= length as u64;
    }
    Ok(())
}

pub fn read(mut socket: &Socket, count: u64) -> io::Result<()> {
    let mut chunk = [0; CHUNK];
    let mut left = count;
    while left > 0 {
        let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        match socket.read(&mut chunk[..length])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => left -= length as u64,
        }
    }
    Ok(())
}

/// How many came before the peer's end, or before the connection failed.
pub fn read_to_end(mut socket: &Socket) -> (u64, io::Result<()>) {
    let mut chunk = [0; CHUNK];
    let mut count = 0;
    loop {
        match socket.read(&mut chunk) {
            Ok(0) => return (count, Ok(())),
            Ok(length) => count += length as u64,
            Err(error) => return (count, Err(error)),
        }
    }
}

pub fn echo(mut socket: &Socket) -> io::Result<()> {
    let mut chunk = [0; CHUNK];
    loop {
        match socket.read(&mut chunk)? {
            0 => return Ok(()),
            length => socket.write_all(&chunk[..length])?,
        }
    }
}
