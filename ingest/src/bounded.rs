//! Files of the configuration, read as text within a bound. What they mean is not decided here.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most `bytes_max` bytes; a larger one, also one whose size the system does not tell, is an error of
/// kind `FileTooLarge`.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        let reason = format!("it has more than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_not_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_text(file.path(), 5).unwrap(), "12345");
        assert_eq!(read_text(file.path(), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_text(Path::new("/dev/zero"), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
