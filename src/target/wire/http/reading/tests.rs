use proptest::prelude::*;

use super::*;

/// Status, body, and whether another request may follow.
type Answered = Result<(u16, Vec<u8>, bool), Lost>;

/// What becomes of an answer that comes in these pieces, after which the connection closes.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Answered {
    let mut reading = Reading::default();
    let mut pieces = pieces.into_iter();
    loop {
        let Some(piece) = pieces.next() else {
            reading.end()?;
            break;
        };
        reading.room().extend_from_slice(piece);
        if reading.advance()? {
            break;
        }
    }
    let whole = reading.whole();
    let (status, body) = (whole.status, whole.body.to_vec());
    Ok((status, body, reading.begin_again()))
}

/// The same whole, byte by byte, and in two pieces wherever it is divided.
fn read_in_all_ways(bytes: &[u8]) -> Answered {
    let whole = read([bytes]);
    let is_kept = |answered: &Answered| answered.as_ref().is_ok_and(|(.., is_kept)| *is_kept);
    // Bytes that nobody asked for may come after the next request is sent.
    let same = |answered: Answered| match (answered, &whole) {
        (Ok((status, body, true)), Ok((_, _, false))) => Ok((status, body, false)),
        (other, _) => other,
    };
    assert_eq!(same(read(bytes.chunks(1))), whole, "byte by byte");
    for at in 0..bytes.len() {
        let (one, other) = bytes.split_at(at);
        let divided = read([one, other].into_iter().filter(|it| !it.is_empty()));
        assert!(is_kept(&divided) || !is_kept(&whole), "{at}");
        assert_eq!(same(divided), whole, "{at}");
    }
    whole
}

fn fine(body: &str, is_kept: bool) -> (u16, Vec<u8>, bool) {
    (200, body.as_bytes().to_vec(), is_kept)
}

/// What becomes of such an answer, however it is divided.
fn check(head: &str, body: &str, expected: &Answered) {
    let answer = format!("HTTP/{head}\r\n\r\n{body}");
    assert_eq!(read_in_all_ways(answer.as_bytes()), *expected, "{answer}");
}

#[test]
fn a_body_is_as_long_as_its_head_says() {
    for (length, body, expected) in [
        ("content-length: 2", "{}", Ok(fine("{}", true))),
        ("CONTENT-LENGTH:2 ", "{}", Ok(fine("{}", true))),
        ("content-length: 0", "", Ok(fine("", true))),
        ("content-length: 2, 2", "{}", Ok(fine("{}", true))),
        (
            "content-length: 2\r\ncontent-length: 2",
            "{}",
            Ok(fine("{}", true)),
        ),
        (
            "content-length: 2",
            "{}HTTP/1.1 200 OK",
            Ok(fine("{}", false)),
        ),
        ("content-length: 3", "{}", Err(Lost::Cut)),
        // Nobody knows where it ends.
        (
            "content-length: 2\r\ncontent-length: 3",
            "{}",
            Err(Lost::NoHttp),
        ),
        ("content-length: 2, 3", "{}", Err(Lost::NoHttp)),
        ("content-length: ", "{}", Err(Lost::NoHttp)),
        ("content-length: +2", "{}", Err(Lost::NoHttp)),
        ("content-length: 2é", "{}", Err(Lost::NoHttp)),
        (
            "content-length: 99999999999999999999",
            "{}",
            Err(Lost::NoHttp),
        ),
        ("content-length: 9999999999", "{}", Err(Lost::TooLarge)),
    ] {
        check(&format!("1.1 200 OK\r\n{length}"), body, &expected);
    }
}

#[test]
fn a_body_of_which_no_length_is_told_ends_with_the_connection_or_is_none() {
    let nothing = |status| Ok((status, Vec::new(), true));
    for (head, body, expected) in [
        ("1.1 200 OK", "{}", Ok(fine("{}", false))),
        ("1.1 200", "{}", Ok(fine("{}", false))),
        (
            "1.1 200 OK\r\ntransfer-encoding: chunked, gzip",
            "{}",
            Ok(fine("{}", false)),
        ),
        (
            "1.0 200 OK\r\nconnection: keep-alive",
            "{}",
            Ok(fine("{}", false)),
        ),
        ("1.1 204 No Content\r\ncontent-length: 9", "", nothing(204)),
        (
            "1.1 304 Not Modified\r\ntransfer-encoding: chunked",
            "",
            nothing(304),
        ),
        (
            "1.1 101 Switching Protocols",
            "",
            Ok((101, Vec::new(), false)),
        ),
        (
            "1.0 200 OK\r\ntransfer-encoding: chunked",
            "0\r\n\r\n",
            Err(Lost::NoHttp),
        ),
        ("1.1 099 OK", "", Err(Lost::NoHttp)),
        ("2.0 200 OK", "", Err(Lost::NoHttp)),
    ] {
        check(head, body, &expected);
    }
}

#[test]
fn chunks_are_put_together() {
    let twice = "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n";
    let extended = "1;a=b\r\n{\r\n01 \r\n}\r\n000;x\r\na: b\r\nc: d\r\n\r\n";
    for (body, expected) in [
        ("2\r\n{}\r\n0\r\n\r\n", Ok(fine("{}", true))),
        (twice, Ok(fine("01234567890123456789", true))),
        (extended, Ok(fine("{}", true))),
        ("0\r\n\r\n", Ok(fine("", true))),
        ("1\r\nx\r\n0\r\n\r\n0", Ok(fine("x", false))),
        ("2\r\n{}\r\n0\r\n", Err(Lost::Cut)),
        ("2\r\n{", Err(Lost::Cut)),
        ("", Err(Lost::Cut)),
        ("2\r\n{}0\r\n\r\n", Err(Lost::Cut)),
        ("2\n{}\r\n0\r\n\r\n", Err(Lost::Cut)),
        ("two\r\n{}\r\n0\r\n\r\n", Err(Lost::Cut)),
        ("\r\n\r\n", Err(Lost::Cut)),
        ("0\r\nno trailer\r\n\r\n", Err(Lost::Cut)),
        ("fffffffffffffffff\r\n", Err(Lost::Cut)),
        ("ffffffffffffffff\r\n", Err(Lost::TooLarge)),
    ] {
        for encoding in [
            "chunked",
            "gzip, Chunked",
            "gzip\r\ntransfer-encoding: chunked",
        ] {
            let head = format!("1.1 200 OK\r\ntransfer-encoding: {encoding}");
            check(&head, body, &expected);
        }
    }
    // One that has a length as well: another server may go by that.
    let head = "1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2";
    check(head, "2\r\n{}\r\n0\r\n\r\n", &Ok(fine("{}", false)));
}

#[test]
fn a_connection_is_used_again_as_the_server_says() {
    for (version, connection, is_kept) in [
        ("1.1", "", true),
        ("1.1", "connection: close\r\n", false),
        ("1.1", "connection: Close, te\r\n", false),
        (
            "1.1",
            "connection: close\r\nconnection: keep-alive\r\n",
            false,
        ),
        (
            "1.1",
            "connection: keep-alive\r\nconnection: close\r\n",
            false,
        ),
        ("1.1", "connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "connection: Keep-Alive\r\n", true),
    ] {
        let answer = format!("HTTP/{version} 200 OK\r\n{connection}content-length: 2\r\n\r\n{{}}");
        assert_eq!(
            read_in_all_ways(answer.as_bytes()),
            Ok(fine("{}", is_kept)),
            "{answer}"
        );
    }
}

#[test]
fn what_only_announces_an_answer_is_none() {
    let fine_one = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let soon = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </>\r\ncontent-length: 7\r\n\r\n";
    for before in [soon, hints, &[soon, hints, soon].concat()] {
        let answer = format!("{before}{fine_one}");
        assert_eq!(
            read_in_all_ways(answer.as_bytes()),
            Ok(fine("{}", true)),
            "{answer}"
        );
        assert_eq!(read_in_all_ways(before.as_bytes()), Err(Lost::Closed));
    }
}

#[test]
fn what_is_no_head_is_none_at_once_and_half_of_one_is_a_connection_that_closed() {
    for no_http in [
        "SSH-2.0-OpenSSH_9.7\r\n\r\n",
        "SMTP 220 ready\r\n\r\n",
        "{}",
        "HTTP/1.1 ok\r\n",
    ] {
        assert_eq!(read([no_http.as_bytes()]), Err(Lost::NoHttp), "{no_http}");
    }
    for half in [
        "",
        "H",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
    ] {
        assert_eq!(
            read_in_all_ways(half.as_bytes()),
            Err(Lost::Closed),
            "{half}"
        );
    }
}

#[test]
fn heads_are_long_but_not_without_end() {
    let with =
        |headers: String| format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}");
    let long = with(format!("x-long: {}\r\n", "h".repeat(100_000)));
    assert_eq!(read([long.as_bytes()]), Ok(fine("{}", true)));
    // That takes no time that grows with the square of it.
    assert_eq!(read(long.as_bytes().chunks(1)), Ok(fine("{}", true)));
    let many = |count: usize| with("a: b\r\n".repeat(count - 1));
    assert_eq!(read([many(100).as_bytes()]), Ok(fine("{}", true)));
    assert_eq!(read([many(101).as_bytes()]), Err(Lost::NoHttp));
    let endless = with(format!("x-long: {}", "h".repeat(500_000)));
    assert_eq!(read(endless.as_bytes().chunks(4096)), Err(Lost::NoHttp));
    let trailers = format!("0\r\nx: {}", "h".repeat(20_000));
    let extension = format!("1;{}", "h".repeat(20_000));
    for endless in [trailers, extension] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{endless}");
        assert_eq!(read(answer.as_bytes().chunks(4096)), Err(Lost::Cut));
    }
}

#[test]
fn a_body_is_read_to_the_limit_however_it_is_carried() {
    let piece = vec![b'x'; 1 << 20];
    for (headers, before, after) in [
        ("", "", ""),
        ("transfer-encoding: chunked\r\n", "100000\r\n", "\r\n"),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
        let of = |pieces: usize| {
            let parts = [before.as_bytes(), &piece, after.as_bytes()];
            let mut reading = Reading::default();
            reading.room().extend_from_slice(head.as_bytes());
            reading.advance()?;
            for _ in 0..pieces {
                reading.room().extend_from_slice(&parts.concat());
                reading.advance()?;
            }
            Ok(reading)
        };
        assert!(of(BODY_BYTES_MAX >> 20).is_ok(), "{headers}");
        let larger = of((BODY_BYTES_MAX >> 20) + 1);
        assert_eq!(larger.err(), Some(Lost::TooLarge), "{headers}");
    }
}

#[test]
fn memory_of_a_large_answer_is_given_back_and_that_of_small_ones_kept() {
    let mut reading = Reading::default();
    for (length, most) in [(1000, 16 * 1024), (1 << 20, 0), (3000, 16 * 1024)] {
        let body = "x".repeat(length);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        let mut pieces = answer.as_bytes().chunks(1400);
        while !reading.advance().unwrap() {
            reading.room().extend_from_slice(pieces.next().unwrap());
        }
        assert_eq!(reading.whole().body, body.as_bytes());
        assert!(reading.begin_again());
        let kept = reading.bytes_kept();
        assert!(kept <= most, "{kept} of {length}");
        assert_eq!(kept == 0, most == 0, "{kept} of {length}");
    }
}

#[test]
fn headers_are_found_whatever_the_case_and_the_first_one_counts() {
    let mut reading = Reading::default();
    let answer = "HTTP/1.1 400 Bad Request\r\nX-Amz-Crc32: 17 \r\nx-amz-crc32: 18\r\n\
                  X-AMZN-ErrorType: a#b:c\r\nDate: Mon\r\nx-date: Tue\r\n\
                  Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
    reading.room().extend_from_slice(answer.as_bytes());
    assert_eq!(reading.advance(), Ok(true));
    let whole = reading.whole();
    assert_eq!(whole.status, 400);
    assert_eq!(whole.checksum, Some(&b"17"[..]));
    assert_eq!(whole.error_type, Some(&b"a#b:c"[..]));
    assert_eq!(whole.date, Some(&b"Mon"[..]));
    assert_eq!(whole.body, b"ab");
}

/// A body in chunks of these lengths, the last of which is what is left.
fn in_chunks(body: &[u8], lengths: &[usize]) -> Vec<u8> {
    let (mut left, mut out) = (body, Vec::new());
    for length in lengths.iter().chain([&body.len()]) {
        let (chunk, rest) = left.split_at((*length).min(left.len()));
        if !chunk.is_empty() {
            out.extend_from_slice(format!("{:x};n=\"{length}\"\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        left = rest;
    }
    out.extend_from_slice(b"0\r\nx-trailer: yes\r\n\r\n");
    out
}

proptest! {
    #[test]
    fn an_answer_is_the_same_however_it_is_divided(
        status in 200_u16..600,
        body in proptest::collection::vec(any::<u8>(), 0..300),
        carried in 0..3,
        chunks in proptest::collection::vec(1_usize..80, 0..6),
        pieces in proptest::collection::vec(1_usize..60, 0..60),
    ) {
        prop_assume!(status != 204 && status != 304);
        let mut answer = format!("HTTP/1.1 {status} Said\r\ndate: now\r\n").into_bytes();
        match carried {
            0 => answer.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes()),
            1 => answer.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n"),
            _ => answer.extend_from_slice(b"\r\n"),
        }
        match carried {
            1 => answer.extend_from_slice(&in_chunks(&body, &chunks)),
            _ => answer.extend_from_slice(&body),
        }
        let (mut left, mut divided) = (&answer[..], Vec::new());
        for piece in pieces.into_iter().chain([answer.len()]) {
            let (piece, rest) = left.split_at(piece.min(left.len()));
            divided.push(piece);
            left = rest;
        }
        divided.retain(|piece| !piece.is_empty());
        prop_assert_eq!(read(divided), Ok((status, body, carried < 2)));
    }

    #[test]
    fn nothing_that_comes_panics(
        head in "HTTP/1.[01] [0-9]{3}( ok)?\r\n((content-length|transfer-encoding|connection): \
                 ([0-9]{1,2}|chunked|close)\r\n){0,3}\r\n",
        body in "([0-9a-f]{1,3}(\r\n|;x)|[a-z]{0,9}|\r\n){0,9}",
        piece in 1_usize..40,
    ) {
        let answer = [head, body].concat();
        let _ = read(answer.as_bytes().chunks(piece));
    }
}
