//! Frames, hello, shapes, codecs and the HTTP face between processes.
