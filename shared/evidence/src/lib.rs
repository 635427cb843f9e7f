//! How evidence travels (RFC 9334's conceptual message, for the kinds that have no encoding of their own): one map, and
//! what it is bound to. Attesters write it, verifiers read it; it knows neither protocol nor vendor.

#![forbid(unsafe_code)]

mod binding;
pub mod map;

pub use binding::Binding;
pub use map::MapError;

/// Greatest length of a key in the evidence, in bytes.
pub const MAX_KEY: usize = 1024;

/// The evidence of a session, of every kind but a Nitro document: `{1: report, ? 2: SubjectPublicKeyInfo,
/// ? 3: event log, ? 4: vTPM}`. Which of them a kind has is the kind's to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// The report, quote or token, as the machine or the service made it.
    pub report: &'a [u8],
    /// SubjectPublicKeyInfo, where the suite has a key in the evidence.
    pub public_key: Option<&'a [u8]>,
    /// The log that replays to the measurement registers.
    pub event_log: Option<&'a [u8]>,
    /// What a paravisor's vTPM adds.
    pub vtpm: Option<&'a [u8]>,
}

impl<'a> Evidence<'a> {
    /// Reads the map.
    ///
    /// # Errors
    ///
    /// [`MapError`]: more than `max` bytes, another encoding than the deterministic one, or other keys.
    pub fn decode(bytes: &'a [u8], max: usize) -> Result<Self, MapError> {
        let mut read = Self::default();
        let mut has_report = false;
        for (key, value) in map::read(bytes, max)? {
            match key {
                1 => (read.report, has_report) = (value, true),
                // Without a key the length is bound as 0, so an empty one must not be another way to say so.
                2 if (1..=MAX_KEY).contains(&value.len()) => read.public_key = Some(value),
                3 => read.event_log = Some(value),
                4 => read.vtpm = Some(value),
                _ => return Err(MapError::Keys),
            }
        }
        match has_report {
            true => Ok(read),
            false => Err(MapError::Keys),
        }
    }

    /// Writes the map.
    pub fn encode(&self) -> Vec<u8> {
        let mut entries = vec![(1, self.report)];
        let others = [(2, self.public_key), (3, self.event_log), (4, self.vtpm)];
        entries.extend(
            others
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        map::write(&entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = Evidence {
            report: &[1; 40],
            public_key: Some(&[2; 30]),
            event_log: Some(&[]),
            vtpm: Some(&[4]),
        };
        assert_eq!(Evidence::decode(&all.encode(), 200), Ok(all));
        let one = Evidence {
            report: &[1],
            ..Evidence::default()
        };
        assert_eq!(Evidence::decode(&one.encode(), 5), Ok(one));
    }

    #[test]
    fn other_keys_are_refused() {
        let wrong: [&[(u8, &[u8])]; 3] = [&[], &[(2, &[1])], &[(1, &[1]), (5, &[1])]];
        for entries in wrong {
            let bytes = map::write(entries);
            assert_eq!(Evidence::decode(&bytes, 64), Err(MapError::Keys));
        }
    }

    #[test]
    fn a_key_has_1_to_1024_bytes() {
        for (len, accepted) in [(0, false), (1, true), (MAX_KEY, true), (MAX_KEY + 1, false)] {
            let key = vec![7; len];
            let evidence = Evidence {
                report: &[1; 1184],
                public_key: Some(&key),
                ..Evidence::default()
            };
            let bytes = evidence.encode();
            let read = Evidence::decode(&bytes, 4096);
            assert_eq!(read.is_ok(), accepted, "{len}");
        }
    }

    #[test]
    fn there_is_one_encoding() {
        let due = map::write(&[(1, &[1]), (2, &[2])]);
        let mut padded = due.clone();
        padded.push(0);
        let wrong: [&[u8]; 6] = [
            &[0xa2, 2, 0x41, 2, 1, 0x41, 1],       // keys in another order
            &[0xa2, 1, 0x41, 1, 1, 0x41, 1],       // one twice
            &[0xa2, 1, 0x58, 1, 1, 2, 0x41, 2],    // a length that is not the shortest
            &[0xbf, 1, 0x41, 1, 2, 0x41, 2, 0xff], // of indefinite length
            &[0xa2, 1, 0x41, 1],                   // cut
            &padded,
        ];
        for bytes in wrong {
            assert_eq!(Evidence::decode(bytes, 64), Err(MapError::Encoding));
        }
        let len = due.len();
        let too_large = MapError::TooLarge { len, max: len - 1 };
        assert_eq!(Evidence::decode(&due, len - 1), Err(too_large));
    }
}
