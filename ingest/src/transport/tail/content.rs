//! The bytes of a file, decompressed where they must be, and whether it holds what was read under another name.
//!
//! What a file is compressed with is told by its first bytes, not by its name.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader, ReadBuf};

use super::file::{Stored, read_at, read_head};
use crate::limits;

/// A file that is read.
pub(super) enum Content {
    /// Who tells how much is left looks at it too.
    Plain(Arc<File>),
    /// A decoder, and how many bytes came out of it.
    Packed(Pin<Box<dyn AsyncRead + Send>>, u64),
}

/// The first bytes of a file, and those before an offset.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    /// How far the file goes, up to the offset.
    pub reached: u64,
}

impl Content {
    /// The content of a file; an error if it is compressed in a way that is not read.
    pub fn of(file: File) -> io::Result<Self> {
        let magic = read_head(&file, 6)?;
        let reader = |file| BufReader::with_capacity(limits::READ_BYTES, Positioned { file, at: 0 });
        Ok(match &magic[..] {
            [0x1f, 0x8b, ..] => {
                let mut decoder = GzipDecoder::new(reader(file));
                decoder.multiple_members(true);
                Self::Packed(Box::pin(decoder), 0)
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                let window = DParameter::window_log_max(limits::ZSTD_FILE_WINDOW_LOG_MAX);
                let mut decoder = ZstdDecoder::with_params(reader(file), &[window]);
                decoder.multiple_members(true);
                Self::Packed(Box::pin(decoder), 0)
            }
            [b'B', b'Z', b'h', ..] => return Err(io::Error::other("bzip2 is not read; use gzip or zstd")),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => return Err(io::Error::other("xz is not read; use gzip or zstd")),
            _ => Self::Plain(Arc::new(file)),
        })
    }

    /// Whether it is compressed.
    pub fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(..))
    }

    /// Bytes at an offset; what is compressed can only be read on.
    pub async fn read(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => read_at(file, buffer, offset),
            Self::Packed(decoder, at) => {
                if *at != offset {
                    return Err(io::Error::other("a compressed file is read in order only"));
                }
                let read = decoder.read(buffer).await?;
                *at += read as u64;
                Ok(read)
            }
        }
    }

    /// Goes to an offset and gives back what there is before it.
    pub async fn seek(&mut self, offset: u64, head_len: u64, tail_len: u64) -> io::Result<Ends> {
        let mut ends = Ends::default();
        let (head_len, tail_len) = (head_len.min(offset) as usize, tail_len.min(offset) as usize);
        if let Self::Plain(file) = self {
            ends.head = read_head(file, head_len as u64)?;
            ends.tail = vec![0; tail_len];
            let (mut filled, from) = (0, offset - tail_len as u64);
            while filled < tail_len {
                match read_at(file, &mut ends.tail[filled..], from + filled as u64)? {
                    0 => break,
                    read => filled += read,
                }
            }
            ends.tail.truncate(filled);
            ends.reached = if filled == tail_len { offset } else { from + filled as u64 };
            return Ok(ends);
        }
        let mut buffer = vec![0; limits::READ_BYTES];
        while ends.reached < offset {
            let want = buffer.len().min((offset - ends.reached) as usize);
            let read = self.read(&mut buffer[..want], ends.reached).await?;
            if read == 0 {
                break;
            }
            let chunk = &buffer[..read];
            ends.head.extend_from_slice(&chunk[..read.min(head_len - ends.head.len())]);
            ends.tail.extend_from_slice(chunk);
            let surplus = ends.tail.len().saturating_sub(tail_len);
            ends.tail.drain(..surplus);
            ends.reached += read as u64;
        }
        Ok(ends)
    }
}

/// Whether a file holds what was read: the same first bytes, and the same bytes before the offset.
pub(super) async fn holds(file: &File, stored: &Stored, hash: impl Fn(&[u8]) -> u64) -> io::Result<bool> {
    let mut content = Content::of(file.try_clone()?)?;
    let ends = content.seek(stored.offset, stored.head_len, stored.tail_len).await?;
    let same = ends.reached == stored.offset && hash(&ends.head) == stored.head;
    // Positions of before this was kept have no tail.
    Ok(same && (stored.tail_len == 0 || hash(&ends.tail) == stored.tail))
}

/// Whether all that the first file has, decompressed, stands at the same offsets in the second, as far as its ends tell. Nothing is
/// no beginning.
pub(super) async fn is_beginning_of(first: &File, second: &File) -> io::Result<bool> {
    let (size, room) = (first.metadata()?.len(), second.metadata()?.len());
    let mut content = Content::of(first.try_clone()?)?;
    let end = if content.is_packed() { room } else { size.min(room) };
    let ends = content.seek(end, limits::TAIL_HEAD_BYTES as u64, limits::TAIL_COMPARED_BYTES).await?;
    if ends.reached == 0 || content.read(&mut [0], ends.reached).await? > 0 {
        return Ok(false);
    }
    let other =
        Content::of(second.try_clone()?)?.seek(ends.reached, ends.head.len() as u64, ends.tail.len() as u64).await?;
    Ok(other.reached == ends.reached && other.head == ends.head && other.tail == ends.tail)
}

/// Reads a file from its beginning without its cursor, which clones share. It blocks, as its thread may.
struct Positioned {
    file: File,
    at: u64,
}

impl AsyncRead for Positioned {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = read_at(&self.file, buffer.initialize_unfilled(), self.at)?;
        buffer.advance(read);
        self.at += read as u64;
        Poll::Ready(Ok(()))
    }
}
