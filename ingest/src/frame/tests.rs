//! Streams of every framing, cut in every way.

use super::*;
use proptest::prelude::*;

/// The records of a stream that arrives in chunks of these sizes, with the error at its end, if any.
fn records(framing: Framing, stream: &[u8], sizes: &[usize]) -> (Vec<(Vec<u8>, u64)>, Option<FrameError>) {
    let mut framer = Framer::new(framing);
    let (mut found, mut rest, mut sizes) = (Vec::new(), stream, sizes.iter().cycle());
    let own = |frame: Frame<'_>| match frame {
        Frame::Record(bytes) => (bytes.to_vec(), bytes.len() as u64),
        Frame::TooLong(bytes, length) => (bytes.to_vec(), length),
    };
    while !rest.is_empty() {
        let (mut chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        rest = after;
        while let Some(frame) = framer.next(&mut chunk) {
            match frame {
                Ok(frame) => found.push(own(frame)),
                Err(error) => return (found, Some(error)),
            }
        }
    }
    match framer.finish() {
        Some(Ok(frame)) => found.push(own(frame)),
        Some(Err(error)) => return (found, Some(error)),
        None => {}
    }
    (found, None)
}

#[test]
fn streams_are_cut_into_records() {
    use Framing::{Json, Lines, Whole};
    let check = |framing, stream: &str, want: &[&str], error| {
        for sizes in [&[1][..], &[3], &[1000]] {
            let (found, found_error) = records(framing, stream.as_bytes(), sizes);
            let found: Vec<_> = found.iter().map(|(bytes, _)| std::str::from_utf8(bytes).unwrap()).collect();
            assert_eq!((&found[..], found_error), (want, error), "{framing:?} {stream:?} {sizes:?}");
        }
    };
    check(Lines, "", &[], None);
    check(Lines, "a\n\n  \r\nb\r\nc", &["a", "b", "c"], None);
    check(Lines, "[1,\n2]", &["[1,", "2]"], None);
    check(Lines, "\0\0a\n\0\n\0\0b\0c\n\0", &["a", "b\0c"], None);
    let hole = "\0".repeat(HOLE_BYTES_MIN + 3);
    check(Lines, &format!("{hole}a\nunfinished{hole}b\n{hole}"), &["a", "unfinished", "b"], None);
    check(Json, "\u{FEFF}[{}]\0\u{FEFF}{}", &["{}", "{}"], None);
    check(Json, "", &[], None);
    check(Json, " [ ] ", &[], None);
    check(Json, "{\"a\":\"}\\\"{\"}", &["{\"a\":\"}\\\"{\"}"], None);
    check(Json, "{\n\"a\": [1]\n}\n{}", &["{\n\"a\": [1]\n}", "{}"], None);
    check(Json, "[{\"a\":1}, [2,3] ,4 ,\"x,]\", null]", &["{\"a\":1}", "[2,3]", "4", "\"x,]\"", "null"], None);
    check(Json, "[{}][{}]", &["{}", "{}"], None);
    check(Json, "not json\n{}", &["not json", "{}"], None);
    check(Json, "\"open\n{}", &["\"open", "{}"], None);
    check(Json, "[{} {}]", &["{}"], Some(FrameError::Array));
    check(Json, "[{}", &["{}"], Some(FrameError::Truncated));
    check(Json, "{}{\"a\":", &["{}"], Some(FrameError::Truncated));
    check(Whole, "", &[], None);
    check(Whole, "\n", &["\n"], None);
    check(Whole, "\0a\r\n\n[{}\0", &["\0a\r\n\n[{}\0"], None);
    check(Whole, &hole, &[hole.as_str()], None);
}

#[test]
fn frames_are_as_long_as_they_say() {
    let check = |stream: &[u8], want: &[&[u8]], error| {
        for sizes in [&[1][..], &[3], &[7], &[1000]] {
            let (found, found_error) = records(Framing::Tagged, stream, sizes);
            let found: Vec<_> = found.iter().map(|(bytes, _)| &bytes[..]).collect();
            assert_eq!((&found[..], found_error), (want, error), "{stream:?} {sizes:?}");
        }
    };
    check(b"", &[], None);
    check(
        b"\x01\0\0\0\x02\0\0\x03\n\0\r\x02\0\0\x01\n",
        &[b"\x01\0\0\0", b"\x02\0\0\x03\n\0\r", b"\x02\0\0\x01\n"],
        None,
    );
    check(b"\x01\0\0\0\x02\0", &[b"\x01\0\0\0"], Some(FrameError::Truncated));
    check(b"\x01\0\0\x02a", &[], Some(FrameError::Truncated));
    check(b"\x01\0\0\x01a\x02\0\x80\x01b", &[b"\x01\0\0\x01a"], Some(FrameError::Length));
    check(b"GET / HTTP/1.1\r\n", &[], Some(FrameError::Length));
    let longest = [&[2, 0, 0x80, 0][..], &vec![b'x'; TAGGED_BYTES_MAX]].concat();
    for size in [1_000, 1 << 20] {
        assert_eq!(records(Framing::Tagged, &longest, &[size]), (vec![(longest.clone(), longest.len() as u64)], None));
    }
}

#[test]
fn a_long_record_is_cut_and_the_next_one_is_whole() {
    for (framing, long) in [(Framing::Lines, LINE_BYTES_MAX + 5), (Framing::Json, LINE_BYTES_MAX + 5)] {
        let mut stream = format!("{{\"a\":\"{}\"}}", "x".repeat(long - 8)).into_bytes();
        stream.extend_from_slice(b"\n{}\n");
        for sizes in [&[100_000][..], &[10 << 20]] {
            let (found, error) = records(framing, &stream, sizes);
            assert_eq!((error, found.len()), (None, 2));
            assert_eq!((found[0].0.len(), found[0].1), (LINE_BYTES_MAX, long as u64));
            assert_eq!(found[1].0, b"{}");
        }
    }
}

#[test]
fn a_stream_that_is_one_long_record_is_cut() {
    for (length, kept) in [(LINE_BYTES_MAX, LINE_BYTES_MAX), (LINE_BYTES_MAX + 5, LINE_BYTES_MAX)] {
        let (found, error) = records(Framing::Whole, &vec![b'\n'; length], &[100_000]);
        assert_eq!((error, found.len()), (None, 1));
        assert_eq!((found[0].0.len(), found[0].1), (kept, length as u64));
    }
}

#[test]
fn a_record_of_the_greatest_length_is_whole() {
    let stream = [vec![b'x'; LINE_BYTES_MAX], b"\r\n".to_vec()].concat();
    for sizes in [&[100_000][..], &[10 << 20]] {
        let (found, _) = records(Framing::Lines, &stream, sizes);
        assert_eq!((found[0].0.len(), found[0].1), (LINE_BYTES_MAX, LINE_BYTES_MAX as u64));
    }
}

#[test]
fn a_hole_is_no_line_however_large_it_is() {
    let mut framer = Framer::new(Framing::Lines);
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        let mut chunk = &zeros[..];
        assert!(framer.next(&mut chunk).is_none() && chunk.is_empty() && !framer.is_partial());
    }
    assert_eq!(framer.carry.capacity(), 0);
    let mut chunk = &b"a\n"[..];
    assert_eq!(framer.next(&mut chunk), Some(Ok(Frame::Record(b"a"))));
    assert_eq!(framer.position(), (64 << 20) + 2);
}

proptest! {
    #[test]
    fn chunks_do_not_matter(stream in "([\\[\\]{},\"\\\\ \r\na\0]{0,20}|\0{510,514}){0,4}", sizes in prop::collection::vec(1usize..9, 1..8), framing in prop::sample::select(vec![Framing::Lines, Framing::Json, Framing::Whole])) {
        let whole = records(framing, stream.as_bytes(), &[1000]);
        prop_assert_eq!(records(framing, stream.as_bytes(), &sizes), whole);
    }

    #[test]
    fn frames_come_back(frames in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..9), rest in prop::collection::vec(any::<u8>(), 0..30), sizes in prop::collection::vec(1usize..9, 1..8)) {
        let framed = |(tag, bytes): &(u8, Vec<u8>)| [&[*tag, 0, 0, bytes.len() as u8][..], bytes].concat();
        let frames: Vec<_> = frames.iter().map(framed).collect();
        let stream = frames.concat();
        let found = records(Framing::Tagged, &stream, &sizes);
        prop_assert_eq!(found, (frames.iter().map(|frame| (frame.clone(), frame.len() as u64)).collect(), None));
        let stream = [stream, rest].concat();
        prop_assert_eq!(records(Framing::Tagged, &stream, &sizes), records(Framing::Tagged, &stream, &[1000]));
    }

    #[test]
    fn lines_cover_the_stream(lines in prop::collection::vec("[a-z]{1,5}", 0..20), sizes in prop::collection::vec(1usize..9, 1..8)) {
        let (found, _) = records(Framing::Lines, lines.join("\n").as_bytes(), &sizes);
        let found: Vec<String> = found.into_iter().map(|(bytes, _)| String::from_utf8(bytes).unwrap()).collect();
        prop_assert_eq!(found, lines);
    }
}
