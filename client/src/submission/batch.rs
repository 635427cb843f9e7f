//! The notes of the request that is being put together.

use sealnote_protocol::limits::Limits;
use sealnote_protocol::task::sequence_classification::request_len;

use crate::note::Note;

/// A note, and its place in the source.
pub(super) struct Taken<Id> {
    pub(super) place: u64,
    pub(super) note: Note<Id>,
}

/// Notes that go in one request.
pub(super) struct Batch<Id> {
    notes: Vec<Taken<Id>>,
}

/// What became of a note that was offered.
pub(super) enum Offered<Id> {
    Taken,
    /// No request of this session takes it.
    TooLong(Note<Id>),
    /// The next request may take it.
    NoRoom(Taken<Id>),
}

impl<Id> Default for Batch<Id> {
    fn default() -> Self {
        Self { notes: Vec::new() }
    }
}

impl<Id> Batch<Id> {
    pub(super) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.notes.len() >= usize::from(limits.notes)
    }

    pub(super) fn offer(&mut self, taken: Taken<Id>, limits: &Limits) -> Offered<Id> {
        let length = taken.note.text.as_ref().len();
        if length > limits.note_bytes as usize {
            return Offered::TooLong(taken.note);
        }
        let others = self
            .notes
            .iter()
            .map(|taken| taken.note.text.as_ref().len());
        let whole = request_len(others.chain([length]));
        if self.is_full(limits) || whole > limits.request_bytes as usize {
            return Offered::NoRoom(taken);
        }
        self.notes.push(taken);
        Offered::Taken
    }

    pub(super) fn texts(&self) -> Vec<&[u8]> {
        let texts = self.notes.iter().map(|taken| taken.note.text.as_ref());
        texts.collect()
    }

    /// All notes; none are left.
    pub(super) fn take(&mut self) -> Vec<Taken<Id>> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_by_notes_or_by_bytes_and_refuses_what_no_request_takes() {
        let limits = Limits::of_classification(3, 3000, 4096, 1, 1);
        let note = |place: u64, length: usize| Taken {
            place,
            note: Note::new(place, vec![b'a'; length]),
        };
        let mut batch = Batch::default();
        assert!(matches!(
            batch.offer(note(0, 3000), &limits),
            Offered::Taken
        ));
        let no_room = batch.offer(note(1, 3000), &limits);
        assert!(matches!(no_room, Offered::NoRoom(taken) if taken.place == 1));
        let too_long = batch.offer(note(2, 3001), &limits);
        assert!(matches!(too_long, Offered::TooLong(note) if note.id == 2));
        for place in [3, 4] {
            assert!(!batch.is_full(&limits));
            assert!(matches!(
                batch.offer(note(place, 1), &limits),
                Offered::Taken
            ));
        }
        assert!(batch.is_full(&limits));
        assert!(matches!(
            batch.offer(note(5, 0), &limits),
            Offered::NoRoom(_)
        ));
        let places: Vec<u64> = batch.take().iter().map(|taken| taken.place).collect();
        assert_eq!(places, [0, 3, 4]);
        assert!(batch.is_empty());
    }
}
