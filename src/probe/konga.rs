//! Konga: its page. What it shows of Kong is behind its login.

use super::answer::Answer;
use super::deep::{DeepCheck, Outcome};
use super::http::{self, Request};
use super::listen::port;
use super::net::Place;
use super::target::Target;

/// Its page.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("page", target, port(target.service, &["http", "https"], 1337), page)]
}

async fn page(target: Target<'_>, place: Place) -> Outcome {
    let reply = http::send(&target, place, Request::document("/")).await?;
    if reply.header("location").ends_with("/register") {
        return Ok(Answer::Doubtful {
            detail: "has no user yet: whoever opens it first becomes its administrator".into(),
            hint: "open it and register, or mount users (KONGA_SEED_USER_DATA_SOURCE_FILE)".into(),
        });
    }
    if (300..400).contains(&reply.status) {
        return Ok(Answer::Seen(format!("GET / leads to {}", reply.header("location"))));
    }
    if String::from_utf8_lossy(&reply.body).to_lowercase().contains("konga") {
        return Ok(Answer::Seen("its page is Konga's".into()));
    }
    Ok(Answer::Doubtful {
        detail: format!("GET / answers {}, but its page isn't Konga's", reply.status),
        hint: "does something else listen on this port, or is its kind another (x-vv.kind)?".into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, page, system};

    #[tokio::test]
    async fn every_state_has_its_words() {
        let mut lines = Vec::new();
        for (status, headers, body) in [
            (200, "", "<html ng-app=\"frontend\"><title>Konga</title>"),
            (302, "Location: /register\r\n", ""),
            (302, "Location: /login\r\n", ""),
            (200, "", "<title>Welcome to nginx!</title>"),
        ] {
            lines.push(deep_of(system("konga", 1337), 1337, page(status, headers, body).await).await);
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        page ok: its page is Konga's
        page warn: has no user yet: whoever opens it first becomes its administrator -> open it and register, or mount users (KONGA_SEED_USER_DATA_SOURCE_FILE)
        page ok: GET / leads to /login
        page warn: GET / answers 200, but its page isn't Konga's -> does something else listen on this port, or is its kind another (x-vv.kind)?
        ");
    }
}
