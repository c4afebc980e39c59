//! The files that pages load, inside the binary: styles and modules. Those of others, CodeMirror and uPlot, lie in `web/static/vendor` with the texts of their
//! licences and a list, `VENDOR.toml`; `web/vendor` says how they are made, which is no part of the build.
//!
//! An address carries the hash of its file, so browsers may keep it for ever.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use crate::State;

#[derive(RustEmbed)]
#[folder = "web/static"]
struct Files;

/// The routes.
pub fn routes() -> Router<State> {
    Router::new().route("/static/{hash}/{*name}", get(file))
}

/// The address below which all files lie. It changes when any of them does, because modules import each other by names that are
/// relative to it.
static BASE: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let mut hash = DefaultHasher::new();
    for file in names.iter().filter_map(|name| Files::get(name)) {
        hash.write(&file.metadata.sha256_hash());
    }
    format!("/static/{:016x}", hash.finish())
});

/// The address below which all files lie.
pub fn base() -> &'static str {
    &BASE
}

async fn file(Path((_, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = Files::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let digits = hex::encode(file.metadata.sha256_hash());
    let tag = format!("\"{digits}\"");
    // While somebody works on them, files come from the disk and change under one address.
    let kept = if cfg!(debug_assertions) { "no-cache" } else { "public, max-age=31536000, immutable" };
    let values =
        [(header::CACHE_CONTROL, kept), (header::CONTENT_TYPE, file.metadata.mimetype()), (header::ETAG, &tag)];
    let values: HeaderMap =
        values.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?))).collect();
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, values).into_response();
    }
    (values, file.data.into_owned()).into_response()
}
