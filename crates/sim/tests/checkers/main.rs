//! What the checkers promise: they accept what is right, name what is wrong, and claim nothing that they did not show.

mod brute_force;
mod classics;
mod effects;
mod random;
mod recording;
