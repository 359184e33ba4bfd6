//! The faults that an audit of the dashboard and of its commands found, and the tests that fail if one of them comes back.

use std::{fs, path::Path};

/// A fault: its number, what was seen, and the tests: a file below `zc-user`, and a name in it.
type Fault = (u32, &'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    (1, "the list followed the selected row to its last page when that went idle", &[
        ("tui/tests/tui/who.rs", "the_list_stays_at_the_top_when_the_selected_row_falls_to_the_end"),
        ("tui/tests/tui/who.rs", "another_order_begins_at_the_top"),
        ("tui/tests/tui/matrix.rs", "processes_with_ten_thousand_rows"),
    ]),
    (2, "programs that change every byte were advised not to copy", &[
        ("model/src/advice/tests.rs", "how_certain_it_is_depends_on_the_time_in_user_mode"),
        ("model/src/advice/tests.rs", "two_totals_that_are_alike_are_no_evidence"),
        ("model/src/advice/tests.rs", "an_archive_is_no_copy"),
    ]),
    (3, "the dashboard ignored --sort and --top", &[
        ("tui/tests/tui/who.rs", "a_count_sorts_by_its_rate"),
        ("tui/tests/tui/sources.rs", "what_the_command_line_says_is_obeyed_and_named"),
    ]),
    (4, "a loss hid that there was a filter", &[
        ("tui/tests/tui/who.rs", "a_loss_hides_neither_the_filter_nor_how_much_is_listed"),
    ]),
    (5, "CSV had rates only, and no paths", &[
        ("render/tests/output.rs", "csv_numbers_are_raw_and_whole_where_they_are_whole"),
        ("render/tests/output.rs", "csv_per_path_adds_up_to_the_totals"),
    ]),
    (6, "what was lost while zc was stopped was an alarm that never ended", &[
        ("tui/tests/tui/pages.rs", "what_was_lost_can_be_acknowledged_until_it_is_more"),
        ("tui/tests/tui/pages.rs", "an_interval_in_which_zc_stood_still_is_explained"),
    ]),
    (7, "the work of children was left out of --pid", &[
        ("tests/live/followed.rs", "a_process_and_its_descendants_are_counted_and_no_others"),
    ]),
    (8, "a filter of the command line was not shown and could not be cleared", &[
        ("tui/tests/tui/sources.rs", "a_filter_of_the_command_line_is_edited_and_cleared_like_one_that_was_typed"),
        ("model/src/filter/tests.rs", "the_command_line_is_said_in_the_language"),
    ]),
    (9, "the cost of zc left out the probes", &[
        ("tui/src/view/header/cost.rs", "the_share_of_the_probes_is_marked_unless_it_is_measured"),
    ]),
    (10, "expressions and globs were accepted and found nothing", &[
        ("model/src/filter/tests.rs", "expressions_and_globs_find_names"),
    ]),
    (11, "the last line of a long page was drawn over what was there", &[
        ("tui/tests/tui/detail.rs", "nothing_shines_through_the_last_line_of_a_long_page"),
    ]),
    (12, "columns that sort were not on the screen, or in the menu twice", &[
        ("tui/tests/tui/sessions.rs", "the_sort_menu_lists_each_column_once"),
        ("tui/tests/tui/sessions.rs", "sorting_by_key_and_reversing_it"),
    ]),
    (13, "rows with advice were the last ones when sorted by it", &[
        ("tui/tests/tui/who.rs", "rows_with_advice_are_first_when_sorted_by_it"),
    ]),
    (14, "a signal that kills left the terminal as it was in the dashboard", &[
        ("tests/edge/terminal.rs", "signals_that_kill_give_the_terminal_back_first"),
    ]),
    (15, "a scene that failed could not be run again", &[
        ("lab/tests/tour/questions.rs", "a_failure_is_tried_again_once_by_itself"),
        ("lab/tests/tour/questions.rs", "a_scene_runs_again"),
    ]),
    (16, "the summary of a tour vanished at its end", &[
        ("lab/tests/tour/questions.rs", "the_summary_stays_until_a_key"),
        ("lab/tests/tour/questions.rs", "at_a_stand_it_begins_again"),
    ]),
    (17, "the command that gives capabilities named no file", &[
        ("probe/src/refusal.rs", "what_gives_the_capabilities_can_be_pasted_as_it_is"),
    ]),
    (18, "a control group that is not there was one in which nothing happened", &[
        ("tests/edge/watched.rs", "an_unknown_control_group_is_refused"),
    ]),
    (19, "the selected row was not filled to its edges", &[
        ("tui/tests/tui/who.rs", "the_selected_row_is_filled_to_its_edges"),
    ]),
    (20, "notes were printed after each update", &[
        ("tests/edge/watched.rs", "notes_are_printed_once_below_the_last_update"),
    ]),
    (21, "Esc while a kept filter was edited lost it", &[
        ("tui/tests/tui/sessions.rs", "escape_while_typing_brings_the_filter_back"),
    ]),
    (22, "manual pages referred to others that nothing printed, and had no keys", &[
        ("tests/cli.rs", "the_manual_has_a_page_per_subcommand"),
    ]),
    (23, "a script that cannot be read was an error without a remedy", &[
        ("tests/edge/demo.rs", "a_script_of_ones_own_is_understood_before_anything_runs"),
    ]),
    (24, "processes in control groups of v1 were said to be in the root", &[
        ("probe/src/names/cgroup.rs", "a_member_that_has_been_moved_does_not_rename_the_group_that_it_left"),
    ]),
];

#[test]
fn each_fault_has_a_test_that_would_find_it() {
    let mut numbers: Vec<_> = FAULTS.iter().map(|fault| fault.0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (number, seen, tests) in FAULTS {
        assert!(!tests.is_empty(), "{number}: {seen}");
        for (file, name) in *tests {
            let source = fs::read_to_string(root.join(file)).unwrap();
            let is_test = source.contains(&format!("#[test]\nfn {name}()"))
                || source.contains(&format!("#[test]\n    fn {name}()"))
                // Those on the live kernel are in a table.
                || source.contains(&format!("::{name}\","));
            assert!(is_test, "{number}, {seen}: no test '{name}' in {file}");
        }
    }
}
