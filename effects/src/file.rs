//! What paths say about files: where they lie, and which hold secrets. No rule stands here, and no file is looked at.

pub mod paths;
pub mod secrets;
