//! The body of an answer: unpacked as it comes, and never more of it than there may be, whatever it was packed to.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Body;
use http_body_util::BodyExt as _;

use super::page::{Class, Trouble};

/// A body that unpacks to more than this many times its size, and to more than `UNSUSPECTED` bytes, was made to do harm.
const RATIO: usize = 50;
const UNSUSPECTED: usize = 1 << 20;

/// What was read of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    /// There is more than was read.
    pub(super) cut: bool,
}

/// Reads a body as far as `most` bytes.
pub(super) async fn read<B>(headers: &HeaderMap, mut body: B, most: usize) -> Result<Read, Trouble>
where
    B: Body + Unpin,
    B::Data: AsRef<[u8]>,
    B::Error: std::fmt::Display,
{
    let mut unpacker = Unpacker::of(headers, most)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Trouble::new(Class::Unreachable, format!("the connection broke off in the middle of the answer: {error}"))
        })?;
        let Some(data) = frame.data_ref() else { continue };
        if !unpacker.take(data.as_ref())? {
            break;
        }
    }
    unpacker.finished()
}

/// Takes bytes as they come.
struct Unpacker {
    form: Form,
    packed: usize,
}

enum Form {
    Plain(Room),
    Gzip(Box<MultiGzDecoder<Room>>),
}

/// Where the unpacked bytes go: there is room for so many.
struct Room {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl Unpacker {
    fn of(headers: &HeaderMap, most: usize) -> Result<Self, Trouble> {
        let room = Room { bytes: Vec::new(), most, full: false };
        let named = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<String> =
            named.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let form = match named.as_slice() {
            [] | ["identity"] => Form::Plain(room),
            ["gzip" | "x-gzip"] => Form::Gzip(Box::new(MultiGzDecoder::new(room))),
            others => {
                let others = others.join(", ");
                let why = format!("it is packed in a way that was not asked for ({others})");
                return Err(Trouble::new(Class::NotText, why));
            }
        };
        Ok(Self { form, packed: 0 })
    }

    /// Takes some bytes; says whether there is room for more.
    fn take(&mut self, data: &[u8]) -> Result<bool, Trouble> {
        self.packed += data.len();
        let taken = match &mut self.form {
            Form::Plain(room) => room.write_all(data),
            Form::Gzip(decoder) => decoder.write_all(data),
        };
        self.check()?;
        match taken {
            _ if self.room().full => Ok(false),
            Ok(()) => Ok(true),
            Err(error) => Err(Trouble::new(Class::NotText, format!("its packing is damaged: {error}"))),
        }
    }

    fn room(&self) -> &Room {
        match &self.form {
            Form::Plain(room) => room,
            Form::Gzip(decoder) => decoder.get_ref(),
        }
    }

    fn check(&self) -> Result<(), Trouble> {
        let bytes = self.room().bytes.len();
        if bytes > UNSUSPECTED && bytes / RATIO > self.packed {
            let why = format!("it unpacks to more than {RATIO} times its size");
            return Err(Trouble::new(Class::TooLarge, why));
        }
        Ok(())
    }

    fn finished(mut self) -> Result<Read, Trouble> {
        let whole = match &mut self.form {
            Form::Plain(_) => true,
            // What was cut off in the middle is as good as it is.
            Form::Gzip(decoder) => self.packed == 0 || decoder.try_finish().is_ok(),
        };
        self.check()?;
        let room = match &mut self.form {
            Form::Plain(room) => room,
            Form::Gzip(decoder) => decoder.get_mut(),
        };
        Ok(Read { bytes: std::mem::take(&mut room.bytes), cut: room.full || !whole })
    }
}

impl Write for Room {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let fits = data.len().min(self.most - self.bytes.len());
        self.bytes.extend_from_slice(&data[..fits]);
        self.full |= fits < data.len();
        // Whoever unpacks into it stops here, with an error of which nobody hears.
        if self.full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    const MOST: usize = 3 << 20;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    /// Words that pack to no less than a tenth.
    fn words(bytes: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut word = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{:x} ", state >> 40)
        };
        let mut text = String::new();
        while text.len() < bytes {
            text.push_str(&word());
        }
        text.into_bytes()
    }

    async fn got(encoding: Option<&str>, bytes: &[u8], piece: usize) -> Result<Read, Trouble> {
        let mut headers = HeaderMap::new();
        encoding.map(|name| headers.insert(CONTENT_ENCODING, name.parse().unwrap()));
        let pieces: Vec<_> =
            bytes.chunks(piece).map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece)))).collect();
        read(&headers, StreamBody::new(stream::iter(pieces)), MOST).await
    }

    #[tokio::test]
    async fn a_body_is_the_same_packed_or_not_in_pieces_of_any_size() {
        let text = words(200_000);
        let packed = packed(&text);
        for piece in [1, 100, 65_536] {
            for (encoding, bytes) in
                [(None, &text), (Some("identity"), &text), (Some("gzip"), &packed), (Some("X-GZIP"), &packed)]
            {
                let read = got(encoding, bytes, piece).await.unwrap();
                assert!(read.bytes == text && !read.cut, "{encoding:?} in pieces of {piece}");
            }
        }
        assert_eq!(got(Some("gzip"), b"", 1).await.unwrap(), Read { bytes: Vec::new(), cut: false });
    }

    #[tokio::test]
    async fn what_goes_on_for_ever_is_cut() {
        let text = words(MOST + 10);
        for (encoding, bytes) in [(None, text.clone()), (Some("gzip"), packed(&text))] {
            let read = got(encoding, &bytes, 10_000).await.unwrap();
            assert!(read.cut && read.bytes == text[..MOST], "{encoding:?}");
        }
        assert!(!got(None, &text[..MOST], 10_000).await.unwrap().cut, "it fits");
    }

    #[tokio::test]
    async fn a_bomb_is_told_from_what_is_only_long() {
        for size in [UNSUSPECTED + 1, MOST, 64 << 20] {
            let why = got(Some("gzip"), &packed(&vec![b' '; size]), 4096).await.unwrap_err();
            assert_eq!(
                (why.class, why.to_string().as_str()),
                (Class::TooLarge, "it unpacks to more than 50 times its size")
            );
        }
        let small = vec![b' '; UNSUSPECTED];
        assert_eq!(got(Some("gzip"), &packed(&small), 4096).await.unwrap().bytes, small);
    }

    #[tokio::test]
    async fn what_is_damaged_or_packed_in_other_ways_is_told() {
        let mut broken = packed(&words(10_000));
        let half = broken[..broken.len() / 2].to_vec();
        assert!(got(Some("gzip"), &half, 100).await.unwrap().cut, "half of it can be read");
        broken[..2].fill(0);
        let why = |result: Result<Read, Trouble>| result.unwrap_err().to_string();
        assert!(why(got(Some("gzip"), &broken, 100).await).starts_with("its packing is damaged: "));
        assert!(why(got(Some("br"), b"x", 100).await).contains("not asked for (br)"));
        assert!(why(got(Some("gzip, gzip"), b"x", 100).await).contains("not asked for"));
    }
}
