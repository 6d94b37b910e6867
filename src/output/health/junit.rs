//! A health run as JUnit's XML, of the dialect that Jenkins validates (junit-10.xsd of its xUnit plugin), which every
//! other CI reads too: a suite per service, a case per check.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::name;
use crate::probe::Outcome;
use crate::probe::report::{Line, Report, Summary};

/// The document. What is as bad as `threshold` is a failure; what is merely doubtful is told in the case's output.
///
/// # Errors
/// None in memory; the writer's type has them.
pub fn document(report: &Report, threshold: Outcome) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = |line: &&Line| line.status >= threshold;
    let stack = clean(&report.stack);
    let tests = report.checks.len().to_string();
    let failures = report.checks.iter().filter(failed).count().to_string();
    let longest = report.checks.iter().map(|line| line.ms).max().unwrap_or(0);
    xml.create_element("testsuites")
        .with_attributes([
            ("name", format!("vv health {stack}").as_str()),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", "0"),
            ("time", &seconds(longest)),
        ])
        .write_inner_content(|xml| {
            report.services().iter().try_for_each(|summary| suite(xml, report, summary, threshold))
        })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn suite(
    xml: &mut Writer<Vec<u8>>,
    report: &Report,
    summary: &Summary<'_>,
    threshold: Outcome,
) -> io::Result<()> {
    let lines = || report.checks.iter().filter(|line| line.service == summary.service);
    let count = |wanted: &dyn Fn(&Line) -> bool| lines().filter(|line| wanted(line)).count().to_string();
    // All checks of a service run beside each other, level after level; the longest is near enough.
    let longest = lines().map(|line| line.ms).max().unwrap_or(0);
    let class = format!("{}.{}", clean(&report.stack), clean(summary.service));
    xml.create_element("testsuite")
        .with_attributes([
            ("name", class.as_str()),
            ("tests", &count(&|_| true)),
            ("failures", &count(&|line| line.status >= threshold)),
            ("errors", "0"),
            ("skipped", &count(&|line| line.status == Outcome::Skipped)),
            ("time", &seconds(longest)),
        ])
        .write_inner_content(|xml| lines().try_for_each(|line| case(xml, line, &class, threshold)))?;
    Ok(())
}

fn case(xml: &mut Writer<Vec<u8>>, line: &Line, class: &str, threshold: Outcome) -> io::Result<()> {
    let name_of_case = clean(&format!("{} {}", line.who(), line.check));
    let time = seconds(line.ms);
    let element = xml.create_element("testcase").with_attributes([
        ("name", name_of_case.as_str()),
        ("classname", class),
        ("time", &time),
    ]);
    let text = match &line.hint {
        Some(hint) => format!("{}\nhint: {hint}", line.detail),
        None => line.detail.clone(),
    };
    let (text, message) = (characters(&text), clean(&line.detail));
    element.write_inner_content(|xml| {
        match line.status {
            status if status >= threshold => {
                let level = format!("{:?}", line.level).to_lowercase();
                xml.create_element("failure")
                    .with_attributes([("type", level.as_str()), ("message", &message)])
                    .write_text_content(BytesText::new(&text))?;
            }
            Outcome::Skipped => {
                xml.create_element("skipped").with_attribute(("message", message.as_str())).write_empty()?;
            }
            Outcome::Warn | Outcome::Fail => {
                let text = format!("{}: {text}", name(line.status));
                xml.create_element("system-out").write_text_content(BytesText::new(&text))?;
            }
            Outcome::Ok => {
                xml.create_element("system-out").write_text_content(BytesText::new(&text))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// `12.345`
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// The text in a line, as an attribute holds it.
fn clean(text: &str) -> String {
    characters(&super::in_a_line(text))
}

/// The text with what XML can't hold at all, not even escaped, replaced (<https://www.w3.org/TR/xml/#charsets>).
fn characters(text: &str) -> String {
    let held = |letter: char| matches!(letter, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
    let text = console::strip_ansi_codes(text).replace("\r\n", "\n");
    text.chars().map(|letter| if held(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::super::testing::evil;
    use super::*;

    /// What Jenkins' schema says of a document.
    #[track_caller]
    fn validate(document: &str) {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/junit-10.xsd");
        let mut xmllint = Command::new("xmllint")
            .args(["--nonet", "--noout", "--schema", schema, "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("xmllint is there; scripts/test installs it (Debian: libxml2-utils)");
        xmllint.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
        let said = xmllint.wait_with_output().unwrap();
        assert!(said.status.success(), "{}\n{document}", String::from_utf8_lossy(&said.stderr));
    }

    #[test]
    fn a_suite_per_service_and_a_case_per_check() {
        let document = document(&evil(), Outcome::Fail).unwrap();
        validate(&document);
        insta::assert_snapshot!(document, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="vv health shop &lt;&quot;1&quot;&gt;" tests="8" failures="1" errors="0" time="12.345">
          <testsuite name="shop &lt;&quot;1&quot;&gt;.redis" tests="3" failures="0" errors="0" skipped="0" time="0.007">
            <testcase name="redis-1 container" classname="shop &lt;&quot;1&quot;&gt;.redis" time="0.007">
              <system-out>as it should be</system-out>
            </testcase>
            <testcase name="redis-1 ping" classname="shop &lt;&quot;1&quot;&gt;.redis" time="0.007">
              <system-out>PONG</system-out>
            </testcase>
            <testcase name="redis-1 persistence" classname="shop &lt;&quot;1&quot;&gt;.redis" time="0.007">
              <system-out>as it should be</system-out>
            </testcase>
          </testsuite>
          <testsuite name="shop &lt;&quot;1&quot;&gt;.web" tests="3" failures="1" errors="0" skipped="1" time="12.345">
            <testcase name="web-1 GET /health" classname="shop &lt;&quot;1&quot;&gt;.web" time="0.007">
              <system-out>as it should be</system-out>
            </testcase>
            <testcase name="web-2 GET /health" classname="shop &lt;&quot;1&quot;&gt;.web" time="12.345">
              <failure type="protocol" message="GET /health: 500: &lt;b&gt;&quot;100%&quot; &amp; &apos;more&apos;&lt;/b&gt; ]]&gt; |`a`|  ::error::x,y:z ##[add-mask]x é 日本 �">GET /health: 500: &lt;b&gt;&quot;100%&quot; &amp; &apos;more&apos;&lt;/b&gt; ]]&gt; |`a`|�
        ::error::x,y:z ##[add-mask]x é 日本 �
        hint: vv logs web
        then: look, 50% of it</failure>
            </testcase>
            <testcase name="web-2 through the gateway" classname="shop &lt;&quot;1&quot;&gt;.web" time="0.007">
              <skipped message="not asked: GET /health failed"/>
            </testcase>
          </testsuite>
          <testsuite name="shop &lt;&quot;1&quot;&gt;.kafka" tests="1" failures="0" errors="0" skipped="0" time="0.007">
            <testcase name="kafka container" classname="shop &lt;&quot;1&quot;&gt;.kafka" time="0.007">
              <system-out>warn: 1 of 3 replicas are there
        hint: vv start kafka</system-out>
            </testcase>
          </testsuite>
          <testsuite name="shop &lt;&quot;1&quot;&gt;.idle" tests="1" failures="0" errors="0" skipped="1" time="0.007">
            <testcase name="idle container" classname="shop &lt;&quot;1&quot;&gt;.idle" time="0.007">
              <skipped message="no replica is wanted"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn warnings_fail_when_they_are_to() {
        let document = document(&evil(), Outcome::Warn).unwrap();
        validate(&document);
        assert!(document.contains("tests=\"8\" failures=\"2\""), "{document}");
        assert!(document.contains("message=\"1 of 3 replicas are there\""), "{document}");
    }

    #[test]
    fn nothing_is_a_document_too() {
        validate(&document(&Report::new("empty", &[]), Outcome::Fail).unwrap());
    }

    #[test]
    fn every_character_is_held_or_replaced() {
        let mut report = evil();
        report.checks[0].detail = (0..0x300).chain(0xfff0..0x10010).filter_map(char::from_u32).collect();
        report.checks[0].status = Outcome::Fail;
        report.checks[0].check = report.checks[0].detail.clone();
        validate(&document(&report, Outcome::Fail).unwrap());
    }
}
