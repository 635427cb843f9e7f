//! Reads `model.safetensors` in one pass, tensor by tensor, as f32.
//!
//! The format is Hugging Face's safetensors: a length (u64, little-endian), a JSON header of so many
//! bytes, and the tensors' values without gaps. Nothing but a block of the file is held beside the
//! tensors that are made of it.

use std::collections::HashMap;
use std::io::{self, Read};

use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError};

use super::error::EngineError;
use crate::memory;
use crate::model_store::HashedFile;

/// Greatest length of the JSON header in bytes, as in the safetensors crate.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Bytes read and converted at a time; a multiple of every type's size.
const BLOCK: usize = 64 * 1024;
/// Memory that classifying takes beside the weights, in bytes. Measured with the default model: the peak
/// is 82 MiB above that of loading, after notes of 64 KiB and answers to full requests.
const WORKING_MEMORY: u64 = 96 << 20;

/// The tensors by their names, whatever their precision in the file, as f32. `reserved` are bytes of memory
/// that must be left for others.
///
/// # Errors
/// [`EngineError`] when the file is malformed, ends early, has bytes that belong to no tensor, holds
/// values that are not floating-point, or will not fit into memory.
pub(super) fn read(
    file: &mut HashedFile,
    reserved: u64,
) -> Result<HashMap<String, Tensor>, EngineError> {
    let header = read_header(file)?;
    let infos = header.tensors();
    check_memory(infos.values().copied(), reserved, memory::available())?;
    let mut tensors = HashMap::new();
    // The header's own check has made sure that they follow each other without gaps.
    for name in header.offset_keys() {
        let info = infos[&name];
        match values(file, &name, info)? {
            Some(values) => {
                let tensor = Tensor::from_vec(values, info.shape.as_slice(), &Device::Cpu)?;
                tensors.insert(name, tensor);
            }
            None => skip(file, info)?,
        }
    }
    Ok(tensors)
}

fn read_header(file: &mut HashedFile) -> Result<Metadata, EngineError> {
    let malformed = EngineError::Format;
    let mut len = [0; 8];
    file.read_exact(&mut len)
        .map_err(|_| malformed(SafeTensorError::HeaderTooSmall))?;
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

/// Refuses before anything is taken: in an enclave that runs out of memory, the kernel ends the program
/// without a word.
fn check_memory<'a>(
    tensors: impl Iterator<Item = &'a TensorInfo>,
    reserved: u64,
    available: Option<u64>,
) -> Result<(), EngineError> {
    // The header has been compared with the file's length: there are no more elements than it has bytes.
    let elements = |info: &TensorInfo| info.shape.iter().product::<usize>() as u64;
    let needed = 4 * tensors.map(elements).sum::<u64>() + WORKING_MEMORY + reserved;
    match available {
        Some(available) if available < needed => Err(EngineError::Memory { needed, available }),
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
    use candle_core::DType;
    use candle_core::safetensors::save;
    use sha2::{Digest, Sha384};

    use super::*;
    use crate::model_store::ModelFiles;

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
        let read = read(&mut file, 0).unwrap();
        assert_eq!(read.len(), 4);
        for (name, tensor) in read {
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
        let tensor = TensorInfo {
            dtype: Dtype::F16,
            shape: vec![1 << 20, 100],
            data_offsets: (0, 200 << 20),
        };
        let reserved = 4 << 20;
        let needed = (400 << 20) + WORKING_MEMORY + reserved;
        let check = |available| check_memory([&tensor].into_iter(), reserved, available);
        assert!(check(Some(needed)).is_ok() && check(None).is_ok());
        let message = check(Some(needed - 1)).unwrap_err().to_string();
        assert!(message.contains("needs 500 MiB and 499 MiB"), "{message}");
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
