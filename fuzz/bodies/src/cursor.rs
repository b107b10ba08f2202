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

/// `bytes` in pieces of which the first byte of the input says how long they are: 0 is in one piece.
pub(crate) fn pieces(bytes: &[u8], piece_bytes: u8) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(if piece_bytes == 0 {
        bytes.len().max(1)
    } else {
        usize::from(piece_bytes)
    })
}
