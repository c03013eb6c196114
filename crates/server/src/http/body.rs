//! Bodies of requests: read whole, within limits, whatever their content type says.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use legwork_api::code::Code;
use tokio::time::timeout;

use super::Api;
use super::failure::Failure;

/// How long the body of a run may be.
pub(crate) const MOST: u32 = 1024 * 1024;
/// How many bytes of bodies may be on their way in at once.
pub(crate) const IN_FLIGHT: usize = 256 * 1024 * 1024;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long the body of a request with many runs may be.
pub(crate) const MOST_OF_MANY: u32 = 64 * 1024 * 1024;

/// A request's body.
pub(crate) struct Given(pub(crate) Bytes);

/// The body of a request with many runs.
pub(crate) struct GivenMany(pub(crate) Bytes);

impl FromRequest<Api> for Given {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        read(request, api, MOST).await.map(Self)
    }
}

impl FromRequest<Api> for GivenMany {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        read(request, api, MOST_OF_MANY).await.map(Self)
    }
}

async fn read(request: Request, api: &Api, most: u32) -> Result<Bytes, Failure> {
    let body = request.into_body();
    let hint = http_body::Body::size_hint(&body);
    if hint.lower() > u64::from(most) {
        return Err(too_large(most));
    }
    // What has a length takes that much room; what has none takes all it may.
    let room = hint.exact().and_then(|length| u32::try_from(length).ok()).unwrap_or(most);
    let _room = api.bodies().try_acquire_many(room).map_err(|_| crowded())?;
    let read = timeout(PATIENCE, Limited::new(body, most as usize).collect()).await.map_err(|_| late())?;
    read.map(http_body_util::Collected::to_bytes)
        .map_err(|error| if error.downcast_ref::<LengthLimitError>().is_some() { too_large(most) } else { broken() })
}

fn too_large(most: u32) -> Failure {
    Failure::new(Code::TooLarge, format!("the body is over the limit of {most} bytes"))
}

fn crowded() -> Failure {
    Failure::new(Code::Busy, "too many bodies are on their way in; try again in a second")
}

fn late() -> Failure {
    Failure::new(Code::BadRequest, format!("the body did not arrive within {} s", PATIENCE.as_secs()))
}

fn broken() -> Failure {
    Failure::new(Code::BadRequest, "the body broke off")
}
