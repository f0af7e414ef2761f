//! From words to a request: argv or a line of rules in, a [`Request`] or a [`UsageError`] out.
//!
//! Reading never acts. [`argv`] and [`words`] turn words into a stream of options and values, both by the table in
//! [`crate::options`]; [`request`] folds the stream, left to right, into one request; [`values`] and [`address`] read
//! what stands in a value. Nothing here touches the kernel; host and service names are asked of [`crate::names`].

pub mod address;
pub mod argv;
pub mod request;
pub mod values;
pub mod words;

pub use argv::{parse_arguments, similar_option};
pub use request::{Form, ListRequest, Request, Subject};

use crate::error::UsageError;

/// A line of rules, parted by [`words::split_line`], read into a request.
pub fn parse_words(line: &[&[u8]]) -> Result<Request, UsageError> {
    let (events, fault) = words::read(line.iter().copied());
    request::fold(&events, fault)
}
