//! Token Status Lists (draft-ietf-oauth-status-list-21 §4): one bit for each grant, for APIs that follow no feed.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::store::status_indexes::{self, StatusIndex};
use crate::store::{Error, Store, grants};

/// Grants of one list. A list is 8 KB before compression; a new one begins when it is full, so that what an API
/// fetches stays small however many grants there have been.
const LENGTH: StatusIndex = 1 << 16;

/// Where a grant stands: in which list, and where there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub list: i64,
    pub index: i64,
}

impl Place {
    pub fn of(index: StatusIndex) -> Self {
        Place { list: index / LENGTH, index: index % LENGTH }
    }
}

/// §4.1: "bits: … the number of bits per Referenced Token in the compressed byte array (lst)". Here it is one:
/// 0 is VALID, 1 is INVALID (§7.1).
pub struct StatusList(Vec<u8>);

impl StatusList {
    /// The list of this number as it stands. `None`: there is none yet.
    ///
    /// A grant whose row is gone is 0 again: its access tokens have expired long before.
    pub async fn read(store: &Store, list: i64) -> Result<Option<Self>, Error> {
        let Some(first) = list.checked_mul(LENGTH).filter(|first| *first >= 0) else { return Ok(None) };
        if first >= status_indexes::next(store.read()).await? {
            return Ok(None);
        }
        let ended = grants::ended_status_indexes(store.read(), first..first.saturating_add(LENGTH)).await?;
        Ok(Some(StatusList::of(ended.into_iter().map(|index| Place::of(index).index))))
    }

    fn of(invalid: impl Iterator<Item = i64>) -> Self {
        let mut bytes = vec![0; LENGTH as usize / 8];
        for index in invalid {
            // §4: "starting from the least significant bit (0) to the most significant bit (7)"
            bytes[index as usize / 8] |= 1 << (index % 8);
        }
        StatusList(bytes)
    }

    /// "compressed using the DEFLATE algorithm with the ZLIB data format" (§4.1).
    pub fn compressed(&self) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&self.0).and_then(|()| encoder.finish()).expect("memory takes whatever is written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_the_drafts_example_stand_where_it_says() {
        // §4.1: status[0] = 1, [1] = 0, [2] = 0, [3] = 1, [4] = 1, [5] = 1, [6] = 0, [7] = 1, …
        let ones = [0, 3, 4, 5, 7, 8, 9, 13, 15];
        let list = StatusList::of(ones.into_iter());
        assert_eq!(list.0[..3], [0xb9, 0xa3, 0x00]);
    }

    #[test]
    fn a_list_is_full_after_65536_places() {
        assert_eq!(Place::of(0), Place { list: 0, index: 0 });
        assert_eq!(Place::of(65_535), Place { list: 0, index: 65_535 });
        assert_eq!(Place::of(65_536), Place { list: 1, index: 0 });
    }
}
