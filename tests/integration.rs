//! The whole program as its users run it: the real binary, a data directory, HTTP.
