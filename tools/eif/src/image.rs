//! The image itself, by AWS's own crate.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use aws_nitro_enclaves_image_format::defs::{EifBuildInfo, EifIdentityInfo};
use aws_nitro_enclaves_image_format::utils::EifBuilder;
use serde_json::json;
use sha2::{Digest, Sha384};
use thiserror::Error;

use crate::contents::Contents;

/// An image that was written.
pub struct Built {
    /// Length of the image in bytes.
    pub len: u64,
    /// The measurements, in nitro-cli's JSON.
    pub measurements: String,
}

/// The image could not be written.
#[derive(Debug, Error)]
#[error("{path}: {error}")]
pub struct ImageError {
    path: PathBuf,
    error: io::Error,
}

/// Writes `out`, and beside it the measurements under the same name with the extension `json`. Neither
/// is there before it is complete.
///
/// # Errors
/// When a file cannot be written.
pub fn build(contents: &Contents, out: &Path) -> Result<Built, ImageError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| ImageError { path, error }
    };
    let folder = match out.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    // On the same file system, so that what is complete can be moved.
    let work = tempfile::tempdir_in(folder).map_err(failed(folder))?;

    let mut builder = EifBuilder::new(
        &contents.kernel,
        contents.cmdline.clone(),
        None,
        Sha384::new(),
        0,
        metadata(contents),
    );
    for (disk, name) in [
        (&contents.base, "base"),
        (&contents.application, "application"),
    ] {
        let path = work.path().join(name);
        let gzip = disk.to_gzip().map_err(failed(&path))?;
        fs::write(&path, gzip).map_err(failed(&path))?;
        builder.add_ramdisk(&path);
    }
    let image = work.path().join("image");
    let mut file = File::create(&image).map_err(failed(&image))?;
    let registers = builder.write_to(&mut file);
    let len = file.metadata().map_err(failed(&image))?.len();

    let measurements = format!(
        "{:#}",
        json!({ "Measurements": {
            // As nitro-cli prints it; the crate's own is the name of a type, which changed with its version.
            "HashAlgorithm": "Sha384 { ... }",
            "PCR0": registers["PCR0"],
            "PCR1": registers["PCR1"],
            "PCR2": registers["PCR2"],
        }})
    );
    let json = out.with_extension("json");
    let new_json = work.path().join("json");
    fs::write(&new_json, format!("{measurements}\n")).map_err(failed(&new_json))?;
    fs::rename(&image, out).map_err(failed(out))?;
    fs::rename(&new_json, &json).map_err(failed(&json))?;
    Ok(Built { len, measurements })
}

/// Not measured, but part of the file: nothing in it says when or where it was made.
fn metadata(contents: &Contents) -> EifIdentityInfo {
    EifIdentityInfo {
        img_name: contents.name.clone(),
        img_version: contents.version.clone(),
        build_info: EifBuildInfo {
            build_time: "1970-01-01T00:00:00+00:00".into(),
            build_tool: env!("CARGO_PKG_NAME").into(),
            build_tool_version: env!("CARGO_PKG_VERSION").into(),
            img_os: "Linux".into(),
            img_kernel: contents.kernel_version.clone(),
        },
        docker_info: json!({}),
        custom_info: json!({}),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::contents;

    /// A register that was extended once: SHA-384 of 48 zero bytes and of the SHA-384 of the parts.
    fn extended(parts: &[&[u8]]) -> String {
        let digest = Sha384::digest(parts.concat());
        hex::encode(
            Sha384::new()
                .chain_update([0; 48])
                .chain_update(digest)
                .finalize(),
        )
    }

    #[test]
    fn measurements_are_those_of_the_parts() {
        let folder = tempfile::tempdir().unwrap();
        let contents = contents::read(&contents::tests::inputs(folder.path())).unwrap();
        let out = folder.path().join("new/image.eif");
        let built = build(&contents, &out).unwrap();

        let kernel = fs::read(&contents.kernel).unwrap();
        let cmdline = contents.cmdline.as_bytes();
        let base = contents.base.to_gzip().unwrap();
        let application = contents.application.to_gzip().unwrap();
        let expected = json!({ "Measurements": {
            "HashAlgorithm": "Sha384 { ... }",
            "PCR0": extended(&[&kernel, cmdline, &base, &application]),
            "PCR1": extended(&[&kernel, cmdline, &base]),
            "PCR2": extended(&[&application]),
        }});
        let printed: Value = serde_json::from_str(&built.measurements).unwrap();
        assert_eq!(printed, expected);
        let written = fs::read_to_string(folder.path().join("new/image.json")).unwrap();
        assert_eq!(written, format!("{}\n", built.measurements));

        // Nothing is left beside them.
        let mut names: Vec<_> = fs::read_dir(folder.path().join("new"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["image.eif", "image.json"]);
        assert_eq!(built.len, fs::metadata(&out).unwrap().len());
    }

    #[test]
    fn equal_inputs_from_elsewhere_give_an_equal_image() {
        let images = [(); 2].map(|()| {
            let folder = tempfile::tempdir().unwrap();
            let contents = contents::read(&contents::tests::inputs(folder.path())).unwrap();
            let out = folder.path().join("image.eif");
            build(&contents, &out).unwrap();
            fs::read(out).unwrap()
        });
        assert!(images[0] == images[1]);
    }
}
