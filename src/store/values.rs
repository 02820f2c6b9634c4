//! How the ground floor's types stand in columns.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::Id;
use crate::secret::Fingerprint;

/// `$outer` is stored as `$inner`.
macro_rules! stored_as {
    ($outer:ty, $inner:ty, $column:expr, $array:expr, |$value:ident| $into:expr, |$raw:ident| $from:expr $(, $generic:ident)?) => {
        impl$(<$generic>)? From<$outer> for Value {
            fn from($value: $outer) -> Value {
                Value::from($into)
            }
        }

        impl$(<$generic>)? TryGetable for $outer {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let $raw = <$inner as TryGetable>::try_get_by(row, index)?;
                $from.ok_or_else(|| TryGetError::DbErr(DbErr::Type(stringify!($outer).to_owned())))
            }
        }

        impl$(<$generic>)? ValueType for $outer {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let $raw = <$inner as ValueType>::try_from(value)?;
                $from.ok_or(ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($outer).to_owned()
            }

            fn array_type() -> ArrayType {
                $array
            }

            fn column_type() -> ColumnType {
                $column
            }
        }

        impl$(<$generic>)? Nullable for $outer {
            fn null() -> Value {
                <$inner as Nullable>::null()
            }
        }
    };
}

stored_as!(Timestamp, i64, ColumnType::BigInteger, ArrayType::BigInt, |time| time.millis(), |raw| Some(
    Timestamp::from_millis(raw)
));
/// A time in four bytes: whole seconds before or after the middle of what they can say, which is from 2020 to 2156.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second(i32);

const MIDDLE: i64 = 3_725_320_448;

impl From<Timestamp> for Second {
    /// Rounds down.
    fn from(time: Timestamp) -> Self {
        let seconds = time.secs().saturating_sub(MIDDLE);
        Second(seconds.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    }
}

impl From<Second> for Timestamp {
    fn from(second: Second) -> Self {
        Timestamp::from_secs(MIDDLE + i64::from(second.0))
    }
}

stored_as!(Second, i32, ColumnType::Integer, ArrayType::Int, |second| second.0, |raw| Some(Second(raw)));
stored_as!(Id<T>, Uuid, ColumnType::Uuid, ArrayType::Uuid, |id| id.uuid(), |raw| Some(Id::from_uuid(raw)), T);
stored_as!(
    Fingerprint,
    Vec<u8>,
    ColumnType::VarBinary(sea_orm::sea_query::StringLen::N(32)),
    ArrayType::Bytes,
    |fingerprint| fingerprint.as_bytes().to_vec(),
    |raw| raw.try_into().ok().map(Fingerprint::from_bytes)
);

impl<T> sea_orm::TryFromU64 for Id<T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Id"))
    }
}

impl sea_orm::TryFromU64 for Fingerprint {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Fingerprint"))
    }
}
