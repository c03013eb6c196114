//! The official SDKs with nothing but the base URL set. Each check is a function of a script and a test of its own.

use std::process::Command;

use crate::support::{Server, here, provided};

/// Runs one check of a script against a fresh server. Those of streams have one whose processors tell what they are told
/// to, and whose streams say twenty times a second that they are alive.
fn check(mut program: Command, name: &str) {
    let store = tempfile::tempdir().unwrap();
    let arguments: &[&str] = if name.contains("stream") { &["--idle", "--heartbeat", "0.05"] } else { &[] };
    let server = Server::start(store.path(), arguments);
    program.arg(name).env("PARALLEL_BASE_URL", server.url()).env("PARALLEL_API_KEY", "any");
    let ran = program.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{name}:\n{}{said}", String::from_utf8_lossy(&ran.stdout));
}

fn python(name: &str) {
    let Some(python) = provided("LEGWORK_TEST_PYTHON") else { return };
    let mut program = Command::new(python);
    program.arg(here("tests/sdk/checks.py"));
    check(program, name);
}

/// The line 0.5, whose clients still call the beta surface.
fn python_0_5(name: &str) {
    let (Some(python), Some(packages)) = (provided("LEGWORK_TEST_PYTHON"), provided("LEGWORK_TEST_PYTHON_0_5")) else {
        return;
    };
    let mut program = Command::new(python);
    program.arg(here("tests/sdk/checks.py")).env("PYTHONPATH", packages);
    check(program, name);
}

fn npm(name: &str) {
    let Some(modules) = provided("LEGWORK_TEST_NODE_MODULES") else { return };
    let mut program = Command::new("node");
    program.arg(here("tests/sdk/checks.cjs")).env("NODE_PATH", modules);
    check(program, name);
}

macro_rules! checks {
    ($language:ident: $($name:ident)*) => {
        mod $language {
            $(#[test] fn $name() { super::$language(stringify!($name)); })*
        }
    };
}

checks!(python:
    create_and_retrieve
    result_blocks_until_done
    retrieve_input_echoes
    execute_without_a_type
    execute_with_a_pydantic_type
    execute_asynchronously
    object_input_and_every_option
    strict_validation_accepts_every_answer
    an_unknown_processor_is_a_permission_error
    an_unknown_run_is_a_not_found_error
    a_wrong_body_is_an_unprocessable_entity
    a_timeout_is_honoured
    a_stream_is_iterated_through_silence
    a_stream_is_iterated_asynchronously
    a_strict_client_reads_a_stream_and_comes_back
    a_webhook_is_verified_by_the_library_and_by_hand
    a_group_is_added_to_and_followed
    a_group_is_followed_asynchronously
    a_create_with_a_key_is_done_once
);

checks!(npm:
    create_and_retrieve
    result_blocks_until_done
    retrieve_input_echoes
    a_json_schema_is_filled
    an_unknown_processor_is_a_permission_error
    an_unknown_run_is_a_not_found_error
    a_timeout_is_honoured
    a_stream_is_iterated_through_silence
    a_webhook_is_verified_as_the_documentation_does
    a_group_is_added_to_and_followed
);

checks!(python_0_5:
    beta_runs_of_the_line_0_5
    beta_groups_of_the_line_0_5
);
