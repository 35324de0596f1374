//! The report in a real browser, opened from disk: headless Chromium, light and dark, on narrow
//! and wide windows and on paper.

mod devtools;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use dynamometer::{
    report::html,
    scenario::parse::parse,
    simulation::{SimulationOptions, header, simulate},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    fixtures::{self, Case},
    heat,
    nightly::{command::Place, history},
};
use devtools::{Browser, Look};

const PROBE: &str = include_str!("browser/probe.js");
const DESK: Look = Look {
    theme: "light",
    media: "screen",
    width: 1160,
};

/// The page of a run, in a folder of its own.
struct Page {
    file: PathBuf,
    case: Case,
    _folder: TempDir,
}

impl Page {
    fn of(case: Case) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("report.html");
        let page = html::render(&case.view(), &case.record, &case.scenario);
        fs::write(&file, page).unwrap();
        Self {
            file,
            case,
            _folder: folder,
        }
    }
}

/// A simulation of a shipped scenario.
fn simulated(file: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(file);
    let source = fs::read_to_string(path).unwrap();
    let scenario = Arc::new(
        parse(&source, file)
            .unwrap_or_else(|told| panic!("{told}"))
            .scenario,
    );
    let options = SimulationOptions::default();
    let header = header(&scenario, source, "0.1.0", &options);
    let record = simulate(&scenario, header, &options).unwrap();
    Case {
        scenario: (*scenario).clone(),
        record,
    }
}

/// On every width, in both themes and on paper.
fn looks() -> impl Iterator<Item = Look> {
    let widths = [400, 800, 1600].into_iter();
    let on_screen = widths.flat_map(|width| {
        ["light", "dark"].map(|theme| Look {
            theme,
            media: "screen",
            width,
        })
    });
    // The width of A4 with its margins.
    on_screen.chain([Look {
        theme: "dark",
        media: "print",
        width: 720,
    }])
}

fn check(browser: &mut Browser, name: &str, case: Case) {
    check_page(browser, name, &Page::of(case).file);
}

fn check_page(browser: &mut Browser, name: &str, page: &Path) {
    for look in looks() {
        browser.open(page, look);
        let place = format!("{name}, {look:?}");
        let faults = browser.evaluate(PROBE);
        assert_eq!(faults, Value::Array(vec![]), "{place}");
        assert!(
            browser.console().is_empty(),
            "{place}: {:?}",
            browser.console()
        );
        // What is in the page itself is no request.
        let mut requests = browser.requests();
        requests.retain(|url| !url.starts_with("data:"));
        let [own] = requests[..] else {
            panic!("{place}: {requests:?}")
        };
        assert!(own.starts_with("file://"), "{place}: {own}");
        browser.picture(&format!(
            "{name}-{}-{}-{}",
            look.media, look.theme, look.width
        ));
    }
    let charts = browser.evaluate("document.querySelectorAll('figure svg[viewBox]').length");
    let names = browser.names_of_images();
    assert!(
        charts.as_u64() <= Some(names.len() as u64),
        "{name}: {names:?}"
    );
    assert!(
        names.iter().all(|name| !name.trim().is_empty()),
        "{names:?}"
    );
}

#[test]
fn every_page_is_whole_and_legible_on_any_window() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    check(&mut browser, "throttled", fixtures::both_throttled());
    check(&mut browser, "hostile", fixtures::hostile_names());
    check(&mut browser, "empty", fixtures::empty());
    check(&mut browser, "orders", simulated("orders.toml"));
    check(&mut browser, "hot", heat::hot());
}

#[test]
fn the_pages_of_sizing_of_keys_and_of_trends_are_whole_and_legible_too() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let place = Place::new();
    let users = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/users.toml");
    let (code, _, told) = place.dyno(&["size", users.to_str().unwrap(), "--out", "sized"]);
    assert!(code < 2, "{told}");
    let mut folders = fs::read_dir(place.path("sized")).unwrap();
    let sizing = folders.next().unwrap().unwrap().path().join("sizing.html");
    check_page(&mut browser, "sizing", &sizing);

    let movies = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/movies.toml");
    let keys = "movie_id,movie_language,movie_language#year/random8+movie_id";
    let (code, _, told) = place.dyno(&[
        "compare",
        movies.to_str().unwrap(),
        "--keys",
        keys,
        "--seeds",
        "2",
        "--out",
        "compared",
    ]);
    assert_eq!(code, 0, "{told}");
    let mut folders = fs::read_dir(place.path("compared")).unwrap();
    let keys = folders.next().unwrap().unwrap().path().join("compare.html");
    check_page(&mut browser, "compare", &keys);

    // Some noise, a step that lasts, a change of units, two machines, a long name.
    let nights = (0..40_u32).flat_map(|index| {
        let noise = f64::from(index * 7919 % 13) * 1e4;
        let step = if index < 30 { 4e6 } else { 5e6 };
        let units = if index < 35 { 1.0 } else { 2.0 };
        let one = history::night(index as usize * 2, step + noise, units);
        let mut other = history::night(index as usize * 2 + 1, 4e6 + noise, 1.0);
        other.host.cores = 64;
        other.scenario = "a-scenario-with-a-name-that-goes-on-and-on".to_owned();
        [one, other]
    });
    place.remember(&history::text(&nights.collect::<Vec<_>>()));
    let (code, told, errors) = place.dyno(&["trend"]);
    assert_eq!(code, 1, "{told}{errors}");
    let trend = place.path("reports/nightly/trend.html");
    check_page(&mut browser, "trend", &trend);
}

#[test]
fn an_svg_opens_by_itself() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    for case in [fixtures::hostile_names(), heat::hot()] {
        for chart in html::charts(&case.record, &case.scenario) {
            let file = folder.path().join(format!("{}.svg", chart.id));
            fs::write(&file, chart.to_svg_file()).unwrap();
            browser.open(&file, DESK);
            let root = browser.evaluate(
                "document.querySelector('parsererror')?.textContent ?? \
                 document.documentElement.nodeName",
            );
            assert_eq!(root, "svg", "{}", chart.id);
            assert!(
                browser.console().is_empty(),
                "{}: {:?}",
                chart.id,
                browser.console()
            );
        }
    }
}

#[test]
fn a_page_is_whole_without_its_script() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let page = Page::of(heat::hot());
    browser.allow_scripts(false);
    for width in [400, 1600] {
        browser.open(&page.file, Look { width, ..DESK });
        assert_eq!(browser.evaluate(PROBE), Value::Array(vec![]), "{width}");
        let script = browser.evaluate("document.querySelectorAll('.values, button').length");
        assert_eq!(script, 0, "the script did run");
        // Whoever cannot point at a second finds it in a table.
        let tables = browser.evaluate(
            "[...document.querySelectorAll('figure')].every((figure) => \
             figure.querySelector('svg[role=img]') && figure.querySelector('details table td'))",
        );
        assert_eq!(tables, true);
        let open = browser.evaluate(
            "(() => { const details = document.querySelector('figure details'); \
             details.querySelector('summary').click(); return details.open; })()",
        );
        assert_eq!(open, true);
    }
    browser.allow_scripts(true);
    browser.open(&page.file, DESK);
    assert_eq!(
        browser.evaluate("document.querySelectorAll('button').length"),
        1
    );
}

/// What is said below the first chart.
const VALUES: &str = "document.querySelector('.values').textContent";

#[test]
fn the_crosshair_tells_the_values_of_its_second() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let page = Page::of(fixtures::throttled());
    browser.open(&page.file, DESK);
    assert_eq!(browser.evaluate(VALUES), "");
    // The middle of second 12 of 30, wherever the chart lies.
    let place = browser.evaluate(
        "(() => { const svg = document.querySelector('svg[data-seconds]'); \
         svg.scrollIntoView({block: 'center'}); const box = svg.getBoundingClientRect(); \
         const [left, right] = svg.dataset.plot.split(' ').map(Number); \
         const x = left + (right - left) * 12.5 / svg.dataset.seconds; \
         return [box.left + x * box.width / svg.viewBox.baseVal.width, box.top + 60]; })()",
    );
    browser.point_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    let consumed = |second: usize| {
        let parts = &page.case.record.intervals[second].operations;
        parts
            .iter()
            .map(|part| part.consumed.read.as_f64())
            .sum::<f64>()
    };
    let told = browser.evaluate(VALUES).as_str().unwrap().to_owned();
    assert!(told.starts_with("at 0:12"), "{told}");
    let expected = format!("Users consumed RCU {}", consumed(12));
    assert!(told.contains(&expected), "{expected} in {told}");

    browser.evaluate("document.querySelector('svg[data-seconds]').focus()");
    for (key, time) in [
        ("Home", "at 0:00"),
        ("ArrowRight", "at 0:01"),
        ("PageDown", "at 0:11"),
        ("ArrowLeft", "at 0:10"),
        ("End", "at 0:29"),
    ] {
        browser.press(key);
        let told = browser.evaluate(VALUES).as_str().unwrap().to_owned();
        assert!(told.starts_with(time), "{key}: {told}");
    }
    let told = browser.evaluate(VALUES).as_str().unwrap().to_owned();
    let expected = format!("Users consumed RCU {}", consumed(29));
    assert!(told.contains(&expected), "{expected} in {told}");
    browser.press("Escape");
    assert_eq!(browser.evaluate(VALUES), "");
    assert!(browser.console().is_empty(), "{:?}", browser.console());
}
