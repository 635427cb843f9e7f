//! From the module's generator into the kernel's pool (random(4)).
//!
//! The driver feeds the pool too, by a thread of its own and whenever that gets to it. An enclave's key
//! is drawn moments after its start, so the seed must have arrived before.

use std::fs::OpenOptions;
use std::io;

use rustix::ioctl::{NoArg, Setter, ioctl, opcode};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that are taken of one answer of the module, which gives 256; twice what the kernel's generator
/// has as its key.
const SEED_BYTES: usize = 64;

/// Random bytes of the module, erased on drop.
#[derive(PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct Seed([u8; SEED_BYTES]);

impl Seed {
    /// `None` if there are too few bytes.
    pub(super) fn new(mut random: Vec<u8>) -> Option<Self> {
        let seed = random.first_chunk().map(|bytes| Self(*bytes));
        random.zeroize();
        seed
    }
}

/// `struct rand_pool_info` of linux/random.h, with its array of a known length.
#[repr(C)]
#[derive(Zeroize, ZeroizeOnDrop)]
struct PoolInfo {
    /// In bits.
    entropy_count: i32,
    /// In bytes.
    buf_size: i32,
    buf: [u8; SEED_BYTES],
}

/// Adds the seed to the pool, credits it, and has the generator take it up at once.
pub(super) fn add_to_kernel(seed: &Seed) -> io::Result<()> {
    /// `_IOW('R', 0x03, int[2])`
    const RNDADDENTROPY: u32 = opcode::write::<[i32; 2]>(b'R', 0x03);
    /// `_IO('R', 0x07)`
    const RNDRESEEDCRNG: u32 = opcode::none(b'R', 0x07);

    let pool = OpenOptions::new().write(true).open("/dev/random")?;
    let info = PoolInfo {
        entropy_count: 8 * SEED_BYTES as i32,
        buf_size: SEED_BYTES as i32,
        buf: seed.0,
    };
    // SAFETY: the kernel reads the two counts and then `buf_size` bytes, all of which `PoolInfo` has,
    // and writes nothing; the second request takes no argument.
    #[allow(unsafe_code)]
    unsafe {
        ioctl(&pool, Setter::<RNDADDENTROPY, PoolInfo>::new(info))?;
        ioctl(&pool, NoArg::<RNDRESEEDCRNG>::new())?;
    }
    Ok(())
}
