//! Presses keys in views of a few services, and looks at the lines that are shown.
#![forbid(unsafe_code)]

use super::*;
use crate::commands::list::services::Services;
use crate::model::{Protocol, ServiceIdentity};
use crate::order::ServiceEntry;
use crate::samples;

/// A view on services, on a screen.
struct Seen {
    view: View,
    rates: Rates,
    screen: Screen,
    height: usize,
}

/// Returns a service at a port with so many destinations. Those of later ports have more
/// active connections.
fn service(port: u16, servers: u16) -> ServiceEntry {
    let mut service = samples::service();
    service.service.identity = identity(port);
    let servers = (1..=servers).map(|number| {
        let mut server = samples::destination();
        server.destination.identity.port = number;
        server.active_connections = u32::from(port);
        server
    });
    (service, servers.collect())
}

fn identity(port: u16) -> ServiceIdentity {
    ServiceIdentity::Endpoint {
        protocol: Protocol::Tcp,
        address: "192.0.2.1".parse().unwrap(),
        port,
    }
}

fn found(services: &[(u16, u16)]) -> Found {
    let entries = services
        .iter()
        .map(|(port, servers)| service(*port, *servers));
    Found::Services(Services {
        info: Some(samples::INFO),
        entries: entries.collect(),
        ..Services::default()
    })
}

impl Seen {
    fn new(request: &ListRequest, height: usize, services: &[(u16, u16)]) -> Seen {
        let interval = Duration::from_secs(2);
        let mut request = *request;
        request.format.numeric = true;
        let mut seen = Seen {
            view: View::new(&request, interval, "namespace x".to_owned(), true),
            rates: Rates::new(interval),
            screen: samples::screen(80),
            height,
        };
        seen.look(services);
        seen
    }

    fn look(&mut self, services: &[(u16, u16)]) {
        let time = "2026-11-29 12:34:56".to_owned();
        self.view.take(Ok(found(services)), time, &self.rates);
        self.page();
    }

    fn page(&mut self) -> Vec<String> {
        let paper = Paper {
            screen: self.screen,
            height: self.height,
            rates: &self.rates,
        };
        let page = self.view.page(paper);
        assert_eq!(page.len(), self.height);
        page.into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    fn press(&mut self, keys: &[Key]) -> Answer {
        let mut answer = Answer::Show;
        for key in keys {
            let paper = Paper {
                screen: self.screen,
                height: self.height,
                rates: &self.rates,
            };
            answer = self.view.press(*key, paper);
            self.page();
        }
        answer
    }

    fn write(&mut self, text: &str) -> Answer {
        let keys: Vec<Key> = text.chars().map(Key::Character).collect();
        self.press(&keys)
    }

    /// Returns what is shown of the services: their ports, and those of their servers.
    fn rows(&mut self) -> String {
        let rows = self.page();
        let rows = rows.iter().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let endpoint = words.iter().find_map(|word| {
                let server = word.strip_prefix("198.51.100.7:");
                word.strip_prefix("192.0.2.1:").or(server)
            });
            endpoint.map(str::to_owned)
        });
        rows.collect::<Vec<_>>().join(" ")
    }

    fn last_line(&mut self) -> String {
        self.page().pop().unwrap()
    }
}

fn plain() -> ListRequest {
    ListRequest::default()
}

fn drawn() -> ListRequest {
    ListRequest {
        output_format: OutputFormat::Table,
        ..ListRequest::default()
    }
}

/// Services at the ports from 100 on, with one, two, three servers and so on.
fn services(count: u16) -> Vec<(u16, u16)> {
    (0..count)
        .map(|number| (100 + number, 1 + number % 3))
        .collect()
}

#[test]
fn the_titles_and_the_last_line_stay_while_the_rows_move() {
    // Two lines of heading, three of titles, one below: six for rows.
    let mut seen = Seen::new(&plain(), 12, &services(10));
    let page = seen.page();
    assert!(page[0].starts_with("every 2 s, namespace x, q ends  "));
    assert!(page[0].ends_with("  2026-11-29 12:34:56"));
    assert_eq!(seen.rows(), "100 1 101 1 2 102");
    assert!(seen.last_line().starts_with("1–3 of 10 services  "));
    assert!(seen.last_line().ends_with("  ? shows the keys"));
    for (key, rows, last) in [
        (Key::Down, "101 1 2 102 1 2", "2–3 of 10"),
        // Its name stays while its servers go.
        (Key::Character('j'), "101 2 102 1 2 3", "2–3 of 10"),
        (Key::Down, "102 1 2 3 103 1", "3–4 of 10"),
        (Key::PageDown, "104 1 2 105 1 2", "5–6 of 10"),
        (Key::PageDown, "105 3 106 1 107 1", "6–8 of 10"),
        (Key::End, "108 1 2 3 109 1", "9–10 of 10"),
        (Key::Down, "108 1 2 3 109 1", "9–10 of 10"),
        (Key::PageDown, "108 1 2 3 109 1", "9–10 of 10"),
        (Key::Up, "107 2 108 1 2 3", "8–9 of 10"),
        (Key::Character('k'), "107 1 2 108 1 2", "8–9 of 10"),
        (Key::PageUp, "105 1 2 3 106 1", "6–7 of 10"),
        (Key::Home, "100 1 101 1 2 102", "1–3 of 10"),
        (Key::Up, "100 1 101 1 2 102", "1–3 of 10"),
        (Key::PageUp, "100 1 101 1 2 102", "1–3 of 10"),
    ] {
        seen.press(&[key]);
        assert_eq!(seen.rows(), rows, "{key:?}");
        let line = seen.last_line();
        assert!(line.starts_with(&format!("{last} services  ")), "{line}");
        assert_eq!(seen.page()[2..5], page[2..5]);
    }
}

#[test]
fn a_frame_and_its_legend_stay_whole() {
    let mut seen = Seen::new(&drawn(), 24, &services(50));
    let mut shown = Vec::new();
    let mut steps = 0;
    loop {
        let page = seen.page();
        assert!(page[3].starts_with("╭──") && page[4].contains(" Active "));
        assert!(page[5].starts_with("├──") && page[6].contains("TCP 192.0.2.1:"));
        let bottom = page
            .iter()
            .position(|line| line.starts_with("╰──"))
            .unwrap();
        // No line that would be above something stands at the end.
        assert!(page[bottom - 1].starts_with("│ "), "{}", page.join("\n"));
        assert!((20..=22).contains(&bottom), "{}", page.join("\n"));
        assert!(page[23].contains(" of 50 services"));
        if shown.last() == Some(&page) {
            break;
        }
        shown.push(page);
        seen.press(&[Key::Down]);
        steps += 1;
    }
    assert!(shown[steps - 1].iter().any(|line| line.contains(":149 ")));
    // Upwards, everything is passed again.
    for page in shown[..steps - 1].iter().rev() {
        seen.press(&[Key::Up]);
        assert_eq!(&seen.page(), page);
    }
}

#[test]
fn screen_by_screen_every_row_is_passed() {
    for request in [plain(), drawn()] {
        for height in [5, 6, 9, 12, 24, 50] {
            let mut all: Vec<(u16, u16)> = services(40);
            all[7].1 = 60;
            all[20].1 = 0;
            let mut seen = Seen::new(&request, height, &all);
            for key in [Key::PageDown, Key::PageUp] {
                let mut rows: Vec<(u16, u16)> = Vec::new();
                let mut before = String::new();
                loop {
                    let shown = seen.rows();
                    if shown == before {
                        break;
                    }
                    let mut service = 0;
                    for row in shown.split_whitespace() {
                        match row.parse::<u16>().unwrap() {
                            port @ 100.. => service = port,
                            server => rows.push((service, server)),
                        }
                    }
                    seen.press(&[key]);
                    before = shown;
                }
                rows.sort_unstable();
                rows.dedup();
                let expected = all
                    .iter()
                    .flat_map(|(port, servers)| (1..=*servers).map(|server| (*port, server)));
                assert_eq!(rows, expected.collect::<Vec<_>>(), "{height} {key:?}");
            }
        }
    }
}

#[test]
fn the_place_is_kept_when_services_come_and_go() {
    let mut seen = Seen::new(&plain(), 12, &services(30));
    seen.press(&[Key::PageDown, Key::PageDown, Key::PageDown]);
    let rows = "105 3 106 1 107 1";
    assert_eq!(seen.rows(), rows);
    // Above it, twenty come and one goes.
    let mut others: Vec<(u16, u16)> = (1000..1020).map(|port| (port, 1)).collect();
    others.extend(services(30));
    others.remove(22);
    seen.look(&others);
    assert_eq!(seen.rows(), rows);
    assert!(seen.last_line().starts_with("25–27 of 49 "));
    // Below it as well.
    others.truncate(28);
    seen.look(&others);
    assert_eq!(seen.rows(), rows);
    // The first in view itself goes: the others stay where they were.
    others.remove(24);
    seen.look(&others);
    assert_eq!(seen.rows(), "104 1 2 106 1 107");
    // All in view go.
    seen.look(&others[..3]);
    assert_eq!(seen.rows(), "1000 1 1001 1 1002 1");
    // Whoever has not moved sees the first, whatever comes before it.
    seen.press(&[Key::Home]);
    seen.look(&services(30));
    assert_eq!(seen.rows(), "100 1 101 1 2 102");
    // None at all, and all of them again.
    seen.press(&[Key::End]);
    seen.look(&[]);
    assert_eq!(seen.rows(), "");
    assert!(seen.last_line().starts_with("no services  "));
    seen.look(&services(30));
    assert_eq!(seen.rows(), "100 1 101 1 2 102");
}

#[test]
fn a_service_that_loses_servers_is_not_shown_without_any() {
    let mut seen = Seen::new(&plain(), 9, &[(100, 30), (101, 30)]);
    seen.press(&[Key::Down; 25]);
    assert_eq!(seen.rows(), "100 26 27");
    seen.look(&[(100, 3), (101, 30)]);
    assert_eq!(seen.rows(), "100 3 101");
    seen.press(&[Key::Up]);
    assert_eq!(seen.rows(), "100 2 3");
}

#[test]
fn a_look_that_fails_is_told_whatever_was_chosen_and_forgets_no_place() {
    let mut seen = Seen::new(&plain(), 14, &services(60));
    seen.press(&[Key::PageDown, Key::PageDown, Key::Down]);
    let before = (seen.rows(), seen.last_line());
    for filter in ["", "/:1"] {
        seen.write(filter);
        seen.press(&[Key::Enter]);
        let fault = format!("refused{}\n", " again".repeat(20)).into_bytes();
        let time = "2026-11-29 12:34:58".to_owned();
        seen.view.take(Err(fault), time, &seen.rates);
        let page = seen.page();
        assert_eq!(page[0].rsplit(' ').next(), Some("12:34:58"));
        assert_eq!(page[2], format!("refused{}", " again".repeat(12)));
        assert_eq!(page[3], ["again"; 8].join(" "));
        assert_eq!(page[4..13].concat(), "");
        assert_eq!(seen.last_line().trim_start(), "? shows the keys");
        if filter.is_empty() {
            seen.look(&services(60));
            assert_eq!((seen.rows(), seen.last_line()), before);
        }
    }
}

#[test]
fn before_the_first_look_is_over_something_is_shown() {
    let last_line = |request: &ListRequest| {
        let interval = Duration::from_secs(2);
        let rates = Rates::new(interval);
        let paper = Paper {
            screen: samples::screen(80),
            height: 24,
            rates: &rates,
        };
        let mut view = View::new(request, interval, "namespace x".to_owned(), false);
        String::from_utf8(view.page(paper).pop().unwrap()).unwrap()
    };
    let mut request = drawn();
    assert_eq!(last_line(&request), "looking; -n looks up no names");
    request.format.numeric = true;
    assert_eq!(last_line(&request), "looking");
}

#[test]
fn one_that_goes_far_takes_nobody_with_it() {
    let all: Vec<(u16, u16)> = (100..160).map(|port| (port, 1)).collect();
    let mut seen = Seen::new(&plain(), 12, &all);
    seen.press(&[Key::PageDown, Key::PageDown]);
    assert_eq!(seen.rows(), "106 1 107 1 108 1");
    let mut moved = all.clone();
    let first = moved.remove(6);
    moved.push(first);
    seen.look(&moved);
    assert_eq!(seen.rows(), "105 1 107 1 108 1");
}

#[test]
fn rows_are_kept_that_have_a_text() {
    let mut seen = Seen::new(&plain(), 12, &services(60));
    seen.press(&[Key::End]);
    assert_eq!(seen.write("/"), Answer::Show);
    assert!(seen.last_line().starts_with("/_  "));
    seen.write("1:12");
    assert!(
        seen.last_line().starts_with("/1:12_  "),
        "{}",
        seen.last_line()
    );
    assert_eq!(seen.rows(), "120 1 2 3 121 1");
    // While one is typed, a letter is no command.
    seen.write("q");
    assert_eq!(seen.rows(), "");
    seen.press(&[Key::Backspace, Key::Character('5')]);
    assert_eq!(seen.rows(), "125 1 2");
    seen.press(&[Key::Enter]);
    let line = seen.last_line();
    assert!(
        line.starts_with("1 service with \"1:125\", of 60  "),
        "{line}"
    );
    // At the next look, too.
    seen.look(&services(24));
    assert_eq!(seen.rows(), "");
    let line = seen.last_line();
    assert!(
        line.starts_with("none of 24 services with \"1:125\"  "),
        "{line}"
    );
    seen.look(&services(60));
    assert_eq!(seen.rows(), "125 1 2");
    // All are there again, at the place of what was found.
    seen.press(&[Key::Escape]);
    assert_eq!(seen.rows(), "125 1 2 126 1 2");
    assert!(seen.last_line().starts_with("26–27 of 60 services  "));
    // In either case, in any row.
    seen.write("/MASQ");
    assert_eq!(seen.rows(), "");
    seen.press(&[Key::EraseLine]);
    seen.write("tunnel");
    assert_eq!(seen.rows(), "100 1 101 1 2 102");
    seen.press(&[Key::Escape]);
    assert_eq!(seen.view.filter, "");
    // Where nothing was found, nothing has moved.
    seen.press(&[Key::PageDown, Key::PageDown]);
    let rows = seen.rows();
    seen.write("/nowhere");
    assert_eq!(seen.rows(), "");
    seen.press(&[Key::Escape]);
    assert_eq!(seen.rows(), rows);
    // Nor where the text was taken back.
    seen.write("/1");
    assert_ne!(seen.rows(), rows);
    seen.press(&[Key::Backspace]);
    assert_eq!(seen.rows(), rows);
}

#[test]
fn orders_follow_each_other_from_the_top() {
    let mut seen = Seen::new(&plain(), 12, &services(30));
    seen.press(&[Key::End]);
    assert_eq!(seen.write("o"), Answer::Show);
    assert_eq!(seen.rows(), "129 1 2 3 126 1");
    let line = seen.last_line();
    assert!(
        line.starts_with("1–2 of 30 services, the most active connections first  "),
        "{line}"
    );
    assert_eq!(seen.view.request().order, ServiceOrder::Active);
    assert_eq!(seen.write("o"), Answer::Show);
    // What was not measured so far is, from now on.
    assert_eq!(seen.write("o"), Answer::Look);
    assert_eq!(seen.view.request().order, ServiceOrder::Rate);
    seen.write("o");
    assert_eq!(seen.rows(), "100 1 101 1 2 102");
    assert!(seen.last_line().starts_with("1–3 of 30 services  "));
}

#[test]
fn what_is_held_still_waits_for_no_look() {
    let mut seen = Seen::new(&plain(), 12, &services(30));
    assert_eq!(seen.write(" "), Answer::Show);
    assert_eq!(seen.view.interval(), None);
    assert!(seen.page()[0].starts_with("held still, space goes on, namespace x, "));
    seen.press(&[Key::Down]);
    assert_eq!(seen.rows(), "101 1 2 102 1 2");
    assert_eq!(seen.write(" "), Answer::Look);
    assert_eq!(seen.view.interval(), Some(Duration::from_secs(2)));
    assert_eq!(seen.write("Q"), Answer::Enough);
}

#[test]
fn the_interval_has_steps() {
    let mut seen = Seen::new(&plain(), 12, &services(3));
    let mut heading = |keys| {
        seen.write(keys);
        let line = seen.page().remove(0);
        line.split(',').next().unwrap().to_owned()
    };
    assert_eq!(heading("+"), "every 3 s");
    assert_eq!(heading("+++"), "every 20 s");
    assert_eq!(heading("-----"), "every 1 s");
    assert_eq!(heading("----------"), "every 0.1 s");
    assert_eq!(heading("++++++++++++++++"), "every 3600 s");
    let seconds = Duration::from_secs_f64;
    assert_eq!(next_interval(seconds(0.7), true), seconds(1.0));
    assert_eq!(next_interval(seconds(0.7), false), seconds(0.5));
    assert_eq!(next_interval(seconds(86_400.0), true), seconds(86_400.0));
}

#[test]
fn the_keys_are_shown_until_any_is_pressed() {
    for width in [80, 60, 200] {
        let mut seen = Seen::new(&drawn(), 24, &services(30));
        seen.screen = samples::screen(width);
        let before = seen.page();
        assert_eq!(seen.write("?"), Answer::Show);
        let page = seen.page();
        for key in [
            "j k",
            "PgUp PgDn",
            "Home End",
            "o ",
            "/",
            "space",
            "+ -",
            "?",
            "q ",
        ] {
            let has_key = |line: &String| {
                line.trim_start()
                    .trim_start_matches("↑ ↓")
                    .trim_start()
                    .starts_with(key)
            };
            assert!(page.iter().any(has_key), "{key}");
        }
        assert!(page[1..].iter().all(|line| line.chars().count() <= width));
        seen.look(&services(30));
        assert_eq!(seen.page(), page);
        assert_eq!(seen.write("o"), Answer::Show);
        assert_eq!(seen.page(), before);
        seen.write("?");
        assert_eq!(seen.write("q"), Answer::Enough);
    }
}

#[test]
fn what_is_held_still_wants_no_look_and_what_is_not_there_does() {
    let mut seen = Seen::new(&plain(), 24, &services(3));
    let mut shown = Vec::new();
    for keys in ["", " ", "j", " "] {
        seen.write(keys);
        shown.push(seen.view.wants_looks());
    }
    assert_eq!(shown, [true, false, false, true]);
    seen.view.time.clear();
    seen.write(" ");
    assert!(seen.view.wants_looks());
}

#[test]
fn the_order_that_is_shown_is_named() {
    for (sorted, keys, expected) in [
        (true, "?", "rate; now address"),
        (false, "?", "rate; now kernel's"),
        (false, "o?", "rate; now active"),
    ] {
        let request = ListRequest { sorted, ..plain() };
        let mut seen = Seen::new(&request, 24, &services(3));
        seen.write(keys);
        let page = seen.page();
        assert!(page.iter().any(|line| line.ends_with(expected)), "{page:?}");
    }
}

#[test]
fn a_low_screen_has_room_for_rows_first() {
    for request in [plain(), drawn()] {
        let mut seen = Seen::new(&request, 24, &services(30));
        for height in 0..30 {
            seen.height = height;
            let page = seen.page();
            let rows = seen.rows();
            let least = match request.output_format {
                OutputFormat::Table => 4,
                _ => 2,
            };
            assert_eq!(rows.is_empty(), height < least, "{}", page.join("\n"));
            seen.press(&[Key::End]);
            let page = seen.page().join("\n");
            assert_eq!(page.contains(":129 "), height >= least, "{height}\n{page}");
            seen.press(&[Key::Home]);
        }
    }
}

#[test]
fn a_table_that_fits_is_shown_whole() {
    let mut seen = Seen::new(&drawn(), 24, &services(3));
    let page = seen.page();
    assert_eq!(seen.rows(), "100 1 101 1 2 102 1 2 3");
    assert!(page[23].starts_with("3 services  "), "{}", page[23]);
    seen.press(&[Key::Down, Key::PageDown, Key::End]);
    assert_eq!(seen.page(), page);
}

#[test]
fn only_what_is_in_view_is_drawn() {
    // Columns are as wide as what is drawn. Further down, longer ports would make them wider.
    let mut many = Seen::new(&drawn(), 24, &services(3000));
    let mut few = Seen::new(&drawn(), 24, &services(50));
    assert_eq!(many.page()[3..17], few.page()[3..17]);
    many.press(&[Key::End]);
    few.press(&[Key::End]);
    assert_ne!(many.page()[4], few.page()[4]);
    // They stay as wide.
    let titles = many.page().swap_remove(4);
    many.press(&[Key::Home]);
    assert_eq!(many.page()[4], titles);
}
