//! The only door outside: time, randomness, network, disk, tasks.
