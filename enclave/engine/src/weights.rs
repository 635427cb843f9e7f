//! Reads `model.safetensors` in one pass, tensor by tensor, as f32.
//!
//! The format is Hugging Face's safetensors: a length (u64, little-endian), a JSON header of so many
//! bytes, and the tensors' values without gaps. A [`Sink`] takes each tensor before the next one is read,
//! so that no more than one is in memory beside what is made of them.

use std::io::{self, Read};

use half::{bf16, f16};
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError};
use sealnote_memory::Available;

use crate::error::EngineError;
use crate::model_files::HashedFile;

/// Greatest length of the JSON header in bytes, as in the safetensors crate.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Bytes read and converted at a time; a multiple of every type's size.
const BLOCK: usize = 64 * 1024;
/// Memory that classifying takes beside the weights, in bytes. Measured with the default model: the peak
/// is 82 MiB above that of loading, after notes of 64 KiB and answers to full requests.
const WORKING_MEMORY: u64 = 96 << 20;

/// What becomes of the tensors.
pub(crate) trait Sink {
    /// Bytes that will be kept of a tensor, at most.
    fn kept(&self, name: &str, dtype: Dtype, shape: &[usize]) -> u64;

    /// Takes a tensor: as many values as the shape says.
    fn take(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> Result<(), EngineError>;
}

/// Hands the tensors to `sink`, whatever their precision in the file, as f32. `reserved` are bytes of memory
/// that must be left for others.
///
/// # Errors
/// [`EngineError`] when the file is malformed, ends early, has bytes that belong to no tensor, holds
/// values that are not floating-point, or will not fit into memory; and what the sink says.
pub(crate) fn read(
    file: &mut HashedFile,
    reserved: u64,
    sink: &mut impl Sink,
) -> Result<(), EngineError> {
    let header = read_header(file)?;
    let infos = header.tensors();
    let sizes = infos.iter().map(|(name, info)| Size {
        read: 4 * info.shape.iter().product::<usize>() as u64,
        kept: sink.kept(name, info.dtype, &info.shape),
    });
    check_memory(sizes, reserved, sealnote_memory::available())?;
    // The header's own check has made sure that they follow each other without gaps.
    for name in header.offset_keys() {
        let info = infos[&name];
        match values(file, &name, info)? {
            Some(values) => sink.take(name, &info.shape, values)?,
            None => skip(file, info)?,
        }
    }
    Ok(())
}

fn read_header(file: &mut HashedFile) -> Result<Metadata, EngineError> {
    let malformed = EngineError::Format;
    let mut len = [0; 8];
    file.read_exact(&mut len)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => malformed(SafeTensorError::HeaderTooSmall),
            _ => EngineError::Read(error),
        })?;
    let len = u64::from_le_bytes(len);
    if len > MAX_HEADER_BYTES {
        return Err(malformed(SafeTensorError::HeaderTooLarge));
    }
    let mut json = Vec::new();
    file.by_ref()
        .take(len)
        .read_to_end(&mut json)
        .map_err(EngineError::Read)?;
    if json.len() as u64 != len {
        return Err(malformed(SafeTensorError::InvalidHeaderLength));
    }
    let header: Metadata = serde_json::from_slice(&json)
        .map_err(|error| malformed(SafeTensorError::InvalidHeaderDeserialization(error)))?;
    let data_len = header.data_len() as u64;
    if (8 + len).checked_add(data_len) != Some(file.len()) {
        return Err(malformed(SafeTensorError::MetadataIncompleteBuffer));
    }
    Ok(header)
}

/// Bytes of a tensor.
struct Size {
    /// As f32, when it is handed over.
    read: u64,
    /// Of what is made of it.
    kept: u64,
}

/// Refuses before anything is taken: in an enclave that runs out of memory, the kernel ends the program
/// without a word.
fn check_memory(
    tensors: impl Iterator<Item = Size>,
    reserved: u64,
    available: Option<Available>,
) -> Result<(), EngineError> {
    let (mut kept, mut greatest) = (0, 0);
    for size in tensors {
        kept += size.kept;
        greatest = greatest.max(size.read);
    }
    // The greatest may come last; and working memory is taken when it is gone.
    let needed = kept.saturating_add(greatest.max(reserved.saturating_add(WORKING_MEMORY)));
    match available {
        Some(available) if available.bytes < needed => {
            Err(EngineError::Memory { needed, available })
        }
        _ => Ok(()),
    }
}

/// The tensor's values; `None` of a tensor that is not read.
fn values(
    file: &mut HashedFile,
    name: &str,
    info: &TensorInfo,
) -> Result<Option<Vec<f32>>, EngineError> {
    let values = match info.dtype {
        Dtype::F32 => convert(file, info, f32::from_le_bytes),
        Dtype::F16 => convert(file, info, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Dtype::BF16 => convert(file, info, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Dtype::F64 => convert(file, info, |bytes| f64::from_le_bytes(bytes) as f32),
        // Old checkpoints hold the constant 0, 1, 2, … as a tensor of integers.
        _ if name.ends_with("embeddings.position_ids") => return Ok(None),
        other => {
            return Err(EngineError::TensorType {
                tensor: name.to_owned(),
                found: format!("{other:?}"),
            });
        }
    };
    values.map(Some).map_err(EngineError::Read)
}

fn convert<const N: usize>(
    file: &mut HashedFile,
    info: &TensorInfo,
    to_f32: impl Fn([u8; N]) -> f32,
) -> io::Result<Vec<f32>> {
    let (start, end) = info.data_offsets;
    let mut left = end - start;
    let mut values = Vec::new();
    // The header's check has compared the shape with the range, and the range with the file's length.
    values
        .try_reserve_exact(left / N)
        .map_err(io::Error::from)?;
    let mut block = [0; BLOCK];
    while left > 0 {
        let block = &mut block[..left.min(BLOCK)];
        file.read_exact(block)?;
        let (numbers, _) = block.as_chunks::<N>();
        values.extend(numbers.iter().map(|bytes| to_f32(*bytes)));
        left -= block.len();
    }
    Ok(values)
}

/// Reads past a tensor, since its bytes are part of the digest.
fn skip(file: &mut HashedFile, info: &TensorInfo) -> Result<(), EngineError> {
    let (start, end) = info.data_offsets;
    let len = (end - start) as u64;
    match io::copy(&mut file.take(len), &mut io::sink()) {
        Ok(copied) if copied == len => Ok(()),
        Ok(_) => Err(EngineError::Read(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(EngineError::Read(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use candle_core::safetensors::save;
    use candle_core::{DType, Device, Tensor};
    use sha2::{Digest, Sha384};

    use sealnote_memory::Bound;

    use super::*;
    use crate::backend::candle::Tensors;
    use crate::model_files::ModelFiles;

    /// As candle itself reads and converts them.
    #[test]
    fn every_precision_is_read_as_candle_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), "{}").unwrap();
        std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
        let path = dir.path().join("model.safetensors");
        let device = &Device::Cpu;
        // More than one block, and not a multiple of one.
        let wide = Tensor::randn(0f32, 1.0, (137, 241), device).unwrap();
        let mut written = HashMap::new();
        for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
            written.insert(format!("{dtype:?}"), wide.to_dtype(dtype).unwrap());
        }
        let ids = Tensor::arange(0i64, 512, device).unwrap();
        written.insert("bert.embeddings.position_ids".into(), ids);
        save(&written, &path).unwrap();

        let mut file = ModelFiles::open(dir.path()).unwrap().weights;
        let mut tensors = Tensors::default();
        read(&mut file, 0, &mut tensors).unwrap();
        assert_eq!(tensors.0.len(), 4);
        for (name, tensor) in tensors.0 {
            let expected = written[&name].to_dtype(DType::F32).unwrap();
            assert_eq!(tensor.dtype(), DType::F32);
            assert_eq!(
                tensor.to_vec2::<f32>().unwrap(),
                expected.to_vec2::<f32>().unwrap(),
                "{name}"
            );
        }
        let bytes = std::fs::read(&path).unwrap();
        let digest = file.finish().unwrap();
        assert_eq!(digest.len, bytes.len() as u64);
        assert_eq!(digest.sha384, *Sha384::digest(&bytes));
    }

    #[test]
    fn a_model_that_does_not_fit_is_refused_with_what_it_needs() {
        let size = |read: u64, kept: u64| Size {
            read: read << 20,
            kept: kept << 20,
        };
        // The greatest is more than what classifying takes.
        let sizes = || [size(40, 10), size(400, 100), size(20, 5)].into_iter();
        let needed = (115 + 400) << 20;
        let free = |bytes: u64| {
            let bound = Bound::ControlGroup;
            Some(Available { bytes, bound })
        };
        let check = |available| check_memory(sizes(), 4 << 20, available);
        assert!(check(free(needed)).is_ok() && check(None).is_ok());
        assert!(check(free(needed - 1)).is_err());

        let sizes = || [size(40, 400)].into_iter();
        let reserved = 4 << 20;
        let needed = (400 << 20) + WORKING_MEMORY + reserved;
        let check = |available| check_memory(sizes(), reserved, available);
        assert!(check(free(needed)).is_ok());
        let message = check(free(needed - 1)).unwrap_err().to_string();
        assert!(
            message.contains("needs 500 MiB and 499 MiB are free, by the cgroup"),
            "{message}"
        );
        assert!(message.contains("--memory"), "{message}");
    }

    #[test]
    fn a_file_that_was_not_read_to_its_end_has_no_digest() {
        let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/tiny-bert-single");
        let mut file = ModelFiles::open(&fixture).unwrap().weights;
        read_header(&mut file).unwrap();
        assert!(file.finish().is_err());
    }
}
