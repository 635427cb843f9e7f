//! Instruction sets: found at run time, each a value that proves that the processor has it.

use core::fmt;

use crate::LANES;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

/// An instruction set that this processor has.
///
/// To add one: a type with a private field in a file of its own, made only after detection, that
/// implements [`Simd`]; a variant of `Level`; a line in [`Isa::available`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Portable(portable::Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "aarch64")]
    NeonDot(neon::Neon<false>),
    #[cfg(target_arch = "aarch64")]
    NeonI8mm(neon::Neon<true>),
}

impl Isa {
    /// The fastest that the processor has.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// All that the processor has, the fastest first, the portable one last: for tests, and for
    /// measurements of one against another.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(avx512::Avx512::detect().map(Level::Avx512));
            levels.extend(avx2::Avx2::detect().map(Level::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        {
            levels.extend(neon::Neon::detect().map(Level::NeonI8mm));
            levels.extend(neon::Neon::detect().map(Level::NeonDot));
        }
        levels.push(Level::Portable(portable::Portable));
        levels.into_iter().map(Self).collect()
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512-vnni",
            #[cfg(target_arch = "aarch64")]
            Level::NeonDot(_) => "neon-dot",
            #[cfg(target_arch = "aarch64")]
            Level::NeonI8mm(_) => "neon-i8mm",
        }
    }

    /// Runs `kernel`, compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self.0 {
            Level::Portable(portable) => kernel.run(portable),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Level::NeonDot(neon) => neon.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Level::NeonI8mm(neon) => neon.run(kernel),
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A loop that is compiled for each instruction set. Its `run`, and all that it calls in a loop, must be
/// `inline(always)`: what is not inlined is compiled for the least processor.
pub(crate) trait Kernel {
    fn run<S: Simd>(self, simd: S);
}

/// What the instruction sets do differently.
pub(crate) trait Simd: Copy {
    /// A product of bytes and weights, exact (modulo 2³²).
    fn int8_tile(self, tile: Int8Tile<'_>);

    /// A product of f32: each element's sum is in the order of the depth, whatever the shape, and each
    /// multiplication is fused with its addition.
    fn f32_tile(self, tile: F32Tile<'_>);

    /// Rows become columns.
    #[inline(always)]
    fn transpose(self, square: Square<'_>) {
        square.check();
        for row in 0..LANES {
            for column in 0..LANES {
                square.to[column * square.to_stride + row] =
                    square.from[row * square.from_stride + column];
            }
        }
    }
}

/// `sums[r][c] = Σ bytes[r][4k + i] × weights[k][c][i]` over k and i < 4, with c < 64.
pub(crate) struct Int8Tile<'a> {
    /// Whether to add to `sums` what is in them.
    pub(crate) add: bool,
    /// 1 to 6.
    pub(crate) rows: usize,
    /// Of each row, four times as many bytes as `weights` has steps, all of 1 to 255.
    pub(crate) bytes: &'a [u8],
    /// From one row's first byte to the next one's.
    pub(crate) stride: usize,
    /// Steps of 64 columns of 4 weights, all of −127 to 127.
    pub(crate) weights: &'a [i8],
    /// What is wanted next. It may be fetched into the cache meanwhile, and has no part in the result.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "no such instruction there yet")
    )]
    pub(crate) ahead: &'a [i8],
    /// Rows of 64.
    pub(crate) sums: &'a mut [i32],
}

/// `c[r][j] = Σ a[r][k] × b[k][j]` over k < `depth`, with j < `columns`.
pub(crate) struct F32Tile<'a> {
    /// Whether to add to `c` what is in it.
    pub(crate) add: bool,
    /// 1 to 6.
    pub(crate) rows: usize,
    /// 16, 32, 48 or 64.
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    pub(crate) a: &'a [f32],
    pub(crate) a_stride: usize,
    pub(crate) b: &'a [f32],
    pub(crate) b_stride: usize,
    /// What is wanted next, as of [`Int8Tile`].
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "no such instruction there yet")
    )]
    pub(crate) ahead: &'a [f32],
    pub(crate) c: &'a mut [f32],
    pub(crate) c_stride: usize,
}

/// `to[c][r] = from[r][c]` over r, c < [`LANES`].
pub(crate) struct Square<'a> {
    pub(crate) from: &'a [f32],
    pub(crate) from_stride: usize,
    pub(crate) to: &'a mut [f32],
    pub(crate) to_stride: usize,
}

impl Square<'_> {
    /// As of the tiles.
    #[inline(always)]
    fn check(&self) {
        assert!(within(LANES, self.from_stride, LANES, self.from.len()));
        assert!(within(LANES, self.to_stride, LANES, self.to.len()));
    }
}

impl F32Tile<'_> {
    /// Panics unless every element that the tile touches is there: the vectorised tiles rely on it.
    #[inline(always)]
    fn check(&self) {
        assert!((1..=crate::TILE_ROWS).contains(&self.rows));
        assert!(matches!(self.columns, 16 | 32 | 48 | 64) && self.depth > 0);
        assert!(within(self.rows, self.a_stride, self.depth, self.a.len()));
        assert!(within(
            self.depth,
            self.b_stride,
            self.columns,
            self.b.len()
        ));
        assert!(within(self.rows, self.c_stride, self.columns, self.c.len()));
    }
}

impl Int8Tile<'_> {
    /// The number of steps. Panics unless every element that the tile touches is there: the vectorised
    /// tiles rely on it.
    #[inline(always)]
    fn check(&self) -> usize {
        let steps = self.weights.len() / (4 * crate::PANEL);
        assert!((1..=crate::TILE_ROWS).contains(&self.rows));
        assert!(within(self.rows, self.stride, 4 * steps, self.bytes.len()));
        assert!(self.sums.len() >= self.rows * crate::PANEL);
        steps
    }
}

/// Whether `available` elements hold `rows` rows of `len`, one every `stride`. A release's arithmetic wraps,
/// and what wrapped would be small enough.
#[inline(always)]
fn within(rows: usize, stride: usize, len: usize, available: usize) -> bool {
    let last = (rows - 1).checked_mul(stride);
    last.and_then(|last| last.checked_add(len))
        .is_some_and(|end| end <= available)
}

#[cfg(test)]
mod tests;
