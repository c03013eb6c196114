//! The table of all routes. From it come the router, the labels of `/metrics`, and the test that `/openapi.json` names
//! each of them and no other.

use axum::Router;
use axum::routing::{MethodRouter, get};

use super::{Api, docs, events, groups, keys, ops, rerun, sources, tasks, webhooks};

/// What every route of the wire is found under; the handlers are the same.
const PREFIXES: [&str; 2] = ["/v1", "/v1beta"];

/// Each route's template with what answers there.
fn table() -> Vec<(String, MethodRouter<Api>)> {
    let ops = [
        ("/health", get(ops::health)),
        ("/ready", get(ops::ready)),
        ("/version", get(ops::version)),
        ("/metrics", get(ops::metrics)),
        ("/openapi.json", get(docs::openapi)),
        ("/docs", get(docs::page)),
        ("/docs/rapidoc.js", get(docs::script)),
    ];
    let tasks = PREFIXES.iter().flat_map(|prefix| {
        events::routes()
            .into_iter()
            .chain(tasks::routes())
            .chain(rerun::routes())
            .chain(groups::routes())
            .chain(webhooks::routes())
            .chain(sources::routes())
            .chain(keys::routes())
            .map(move |(path, methods)| (format!("{prefix}{path}"), methods))
    });
    tasks.chain(ops.into_iter().map(|(path, methods)| (path.to_owned(), methods))).collect()
}

/// The routes, ready to be called.
pub(super) fn router() -> Router<Api> {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(&path, methods.fallback(super::wrong_method)))
}

/// The templates of all routes, like `/v1/tasks/runs/{id}`.
pub(crate) fn templates() -> Vec<String> {
    table().into_iter().map(|(path, _)| path).collect()
}

/// The place of the template that a path fits.
pub(super) fn place(templates: &[String], path: &str) -> Option<usize> {
    templates.iter().position(|template| fits(template.as_bytes(), path.as_bytes()))
}

/// Whether a path is one of a template: a name in braces stands for anything between two slashes.
fn fits(mut template: &[u8], mut path: &[u8]) -> bool {
    loop {
        match (template, path) {
            ([], []) => return true,
            ([b'{', ..], [first, ..]) if *first != b'/' => {
                template = template.split(|byte| *byte == b'}').nth(1).unwrap_or_default();
                path = &path[path.iter().position(|byte| *byte == b'/').unwrap_or(path.len())..];
            }
            ([wanted, template_rest @ ..], [given, path_rest @ ..]) if wanted == given => {
                (template, path) = (template_rest, path_rest);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_template() {
        let templates = templates();
        let found = |path: &str| place(&templates, path).map(|place| templates[place].as_str());
        assert_eq!(found("/v1/tasks/runs"), Some("/v1/tasks/runs"));
        assert_eq!(found("/v1beta/tasks/runs/trun_1/result"), Some("/v1beta/tasks/runs/{id}/result"));
        assert_eq!(found("/v1/tasks/runs/events"), Some("/v1/tasks/runs/events"));
        assert_eq!(found("/v1/tasks/runs/x"), Some("/v1/tasks/runs/{id}"));
        for none in ["", "/", "/v1/tasks/runs/", "/v1/tasks/runs/x/", "/v1/tasks/runs/x/results", "/metrics/", "/v1"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
    #[test]
    fn every_route_has_both_prefixes() {
        let templates = templates();
        let below =
            |prefix: &str| -> Vec<&str> { templates.iter().filter_map(|path| path.strip_prefix(prefix)).collect() };
        assert_eq!(below("/v1/"), below("/v1beta/"));
        assert!(below("/v1/").contains(&"tasks/groups/{id}/events"));
    }
}
