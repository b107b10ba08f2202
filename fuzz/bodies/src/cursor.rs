//! Takes an input apart into choices and bytes. At its end choices are zero and bytes are empty.

/// What is left of an input.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Pieces into which bytes are cut; the rest is one, since each costs the world as much as a large one.
const PIECES_MAX: usize = 500;

/// `bytes` in pieces of so many bytes; 0 is in one piece.
pub(crate) fn pieces(bytes: &[u8], piece_bytes: u8) -> impl Iterator<Item = &[u8]> {
    let (cut, rest) = bytes.split_at(bytes.len().min(PIECES_MAX * usize::from(piece_bytes)));
    let rest = (!rest.is_empty()).then_some(rest);
    cut.chunks(usize::from(piece_bytes).max(1)).chain(rest)
}
