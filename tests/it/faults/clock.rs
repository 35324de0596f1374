//! A system clock that is set again and again while a run goes on.

use std::{fs, path::Path, process::Command, time::Duration};

use dynamometer::report::stored;

use crate::cli::{Run, code, stderr};

/// Twenty years ahead, and an hour more in every other third of a second.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *time) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(which, time);
    if (!failed && which == CLOCK_REALTIME) {
        struct timespec since;
        real(CLOCK_MONOTONIC, &since);
        long thirds = since.tv_sec * 3 + since.tv_nsec / 333333334;
        time->tv_sec += 20L * 365 * 86400 + thirds % 2 * 3600;
    }
    return failed;
}
"#;

/// As a library that is loaded before that of the system.
fn compiled(folder: &Path) -> String {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    fs::write(&source, CLOCK).unwrap();
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(made.unwrap().success());
    library.to_str().unwrap().to_owned()
}

#[test]
fn a_clock_that_jumps_by_hours_bends_neither_the_schedule_nor_any_time() {
    let run = Run::new();
    let scenario = run.short("3s", "0 %");
    for client in ["wire", "sdk"] {
        let mut command = run.command(&["run", &scenario, "--quiet", "--client", client]);
        command.env("LD_PRELOAD", compiled(run.folder.path()));
        let output = command.output().unwrap();
        // A machine that is busy makes it late, and INVALID.
        let code = code(&output);
        assert!(code == 0 || code == 3, "{client}: {}", stderr(&output));
        let folder = run.only_run();
        let results = fs::read_to_string(folder.join("results.json")).unwrap();
        let record = stored::read(&results).unwrap().record;
        let year: u32 = record.provenance.started_at[..4].parse().unwrap();
        assert!(year >= 2044, "the clock is the one that jumps: {year}");
        for interval in &record.intervals[..3] {
            assert_eq!(interval.arrivals, 50, "{client}: {interval:?}");
        }
        let times = record.phases[0].operations.iter();
        let times = times.flat_map(|it| [&it.response_time, &it.service_time]);
        for time in times.chain([&record.phases[0].dispatch_delay]) {
            let longest = time.max().unwrap();
            assert!(longest < Duration::from_mins(1), "{client}: {longest:?}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
