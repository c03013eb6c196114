//! The official SDKs with nothing but the base URL set. Each check is a function of a script and a test of its own.
//! `tests/sdk/README.md` says which rule of the wire each of them proves.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Server, Store, here, provided};

/// Runs one check of a script against a fresh server that was given these arguments.
pub(crate) fn check(program: Option<Command>, name: &str, arguments: &[&str]) {
    let Some(mut program) = program else { return };
    let store = Store::new();
    let server = Server::start(&store, arguments);
    program.arg(name).env("PARALLEL_BASE_URL", server.url()).env("PARALLEL_API_KEY", "any");
    let ran = program.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{name}:\n{}{said}", String::from_utf8_lossy(&ran.stdout));
}

fn python() -> Option<Command> {
    let mut program = Command::new(provided("LEGWORK_TEST_PYTHON")?);
    program.arg(here("tests/sdk/checks.py"));
    Some(program)
}

/// The line 0.5, whose clients still call the beta surface.
fn python_0_5() -> Option<Command> {
    let mut program = python()?;
    program.env("PYTHONPATH", provided("LEGWORK_TEST_PYTHON_0_5")?);
    Some(program)
}

fn npm() -> Option<Command> {
    let mut program = Command::new("node");
    program.arg(here("tests/sdk/checks.cjs")).env("NODE_PATH", provided("LEGWORK_TEST_NODE_MODULES")?);
    Some(program)
}

/// What each server is started with, and the checks that are run against one of their own.
macro_rules! checks {
    ($language:ident: $($arguments:tt $($name:ident)*;)*) => {
        mod $language {
            $($(#[test] fn $name() { super::check(super::$language(), stringify!($name), &$arguments); })*)*
        }
    };
}

checks!(python:
    []
        create_and_retrieve
        answers_are_json_over_one_connection
        a_server_behind_a_path_is_reached
        result_blocks_until_done
        retrieve_input_echoes
        execute_without_a_type
        execute_with_a_pydantic_type
        execute_asynchronously
        everything_works_over_aiohttp
        object_input_and_every_option
        every_option_may_be_null
        each_form_of_a_schema_gives_its_kind_of_output
        a_pydantic_schema_with_references_is_filled
        all_eighteen_processors_are_accepted
        beta_headers_change_nothing
        strict_validation_accepts_every_answer
        an_unknown_processor_is_a_permission_error
        an_unknown_run_is_a_not_found_error
        a_wrong_body_is_an_unprocessable_entity
        a_timeout_is_honoured
        a_strict_client_reads_what_the_researcher_tells
        a_webhook_is_verified_by_the_library_and_by_hand
        a_webhook_needs_no_event_types_and_may_be_given_as_the_guide_does
        a_group_is_added_to_and_followed
        a_group_is_followed_asynchronously
        a_spec_of_its_own_goes_before_the_groups
        a_create_with_a_key_is_done_once;
    // The processors do what they are told to, and streams say twenty times a second that they are alive.
    ["--idle", "--heartbeat", "0.05"]
        a_pending_result_is_a_408_on_time
        a_result_without_a_timeout_is_held
        execute_is_held_in_one_call
        the_end_of_a_run_wakes_who_waits
        everybody_who_waits_is_answered_and_who_leaves_is_forgotten
        a_run_without_an_output_is_a_not_found_error_with_its_reason
        a_stream_begins_at_once
        a_stream_is_iterated_through_silence
        a_stream_is_iterated_asynchronously
        a_strict_client_reads_a_stream_and_comes_back
        a_strict_client_reads_what_a_run_took
        a_stream_of_a_failed_run_ends_with_its_error
        a_stream_without_events_tells_the_states
        a_stream_is_read_line_by_line
        a_webhook_tells_of_runs_without_an_output
        a_thousand_runs_are_added_to_a_group_and_not_one_more
        a_group_is_followed_in_pieces;
    ["--idle", "--stream-limit", "0.5"]
        a_stream_that_is_cut_short_is_taken_up_again;
    ["--accept-key", "any"]
        a_wrong_key_is_an_authentication_error;
    ["--creates-per-minute", "60"]
        a_limited_client_is_told_when_to_come_back;
    ["--webhook-secret", "whsec_b2xkIG9sZCBvbGQgb2xk", "--webhook-secret", "whsec_bmV3IG5ldyBuZXcgbmV3"]
        a_webhook_is_signed_with_the_old_secret_and_the_new_one;
);

checks!(python_0_5:
    []
        beta_runs_of_the_line_0_5
        beta_groups_of_the_line_0_5;
);

checks!(npm:
    []
        create_and_retrieve
        result_blocks_until_done
        retrieve_input_echoes
        a_json_schema_is_filled
        an_unknown_processor_is_a_permission_error
        an_unknown_run_is_a_not_found_error
        a_timeout_is_honoured
        a_webhook_is_verified_as_the_documentation_does
        a_group_is_added_to_and_followed
        beta_runs_of_the_line_0_3
        beta_groups_of_the_line_0_3;
    ["--idle", "--heartbeat", "0.05"]
        a_pending_result_is_a_408_on_time
        the_loop_of_the_documentation_comes_to_the_result
        a_client_with_little_patience_comes_back
        a_run_without_an_output_is_a_not_found_error_with_its_reason
        a_stream_is_iterated_through_silence
        a_stream_is_read_event_by_event;
);

/// Runs the check whose server dies while it holds a request, and comes back with somebody to do the work.
fn restarted(program: Option<Command>) {
    let Some(mut program) = program else { return };
    let store = Store::new();
    let server = Server::start(&store, &["--role", "api"]);
    let address = server.address.to_string();
    program.arg("a_held_result_survives_a_restart").stdout(Stdio::piped());
    program.env("PARALLEL_BASE_URL", server.url()).env("PARALLEL_API_KEY", "any");
    let mut child = program.spawn().unwrap();
    let mut told = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "held\n");
    server.kill();
    let _again = Server::start_at(&address, &store, &[]);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_held_result_survives_a_restart_with_python() {
    restarted(python());
}

#[test]
fn a_held_result_survives_a_restart_with_npm() {
    restarted(npm());
}
