//! MinIO at work: enough drives for reading and writing are online
//! (<https://min.io/docs/minio/linux/operations/monitoring/healthcheck-probe.html>).

use super::answer::{Answer, ProbeFailure};
use super::deep::DeepCheck;
use super::http;
use super::listen::port;
use super::net::Place;
use super::question::Scheme;
use super::target::Target;

/// Its checks.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let port = port(target.service, &["http", "https"], 9000);
    vec![
        DeepCheck::at("write quorum", target, port, writing),
        DeepCheck::at("read quorum", target, port, reading),
    ]
}

async fn writing(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let scheme = scheme(&target, place);
    let reply = http::get(&target, place, scheme, "/minio/health/cluster", None).await?;
    match reply.status {
        200 => Ok(Answer::Seen(match reply.header("x-minio-write-quorum") {
            "" => "enough drives are online to write".into(),
            "1" => "1 drive must be online to write, and is".into(),
            drives => format!("{drives} drives must be online to write, and are"),
        })),
        503 => Err(ProbeFailure::new("too few drives are online: takes no writes")
            .hint("are all servers of its command up, and their disks neither full nor unmounted?")),
        404 => Ok(Answer::NotAsked("this version doesn't tell".into())),
        _ => Err(reply.refusal("/minio/health/cluster")),
    }
}

async fn reading(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let scheme = scheme(&target, place);
    let reply = http::get(&target, place, scheme, "/minio/health/cluster/read", None).await?;
    match reply.status {
        200 => Ok(Answer::Seen("enough drives are online to read".into())),
        503 => Err(ProbeFailure::new("too few drives are online: what is stored can't be read")
            .hint("are all servers of its command up, and their disks mounted?")),
        // Older versions know the other page only.
        400 | 403 | 404 => Ok(Answer::NotAsked("this version doesn't tell".into())),
        _ => Err(reply.refusal("/minio/health/cluster/read")),
    }
}

fn scheme(target: &Target<'_>, place: Place) -> Scheme {
    let tls = |url: &crate::stack::vv::Url| Some(url.port) == place.inside && url.scheme == "https";
    if target.service.vv.urls.iter().any(tls) { Scheme::Https } else { Scheme::Http }
}

#[cfg(test)]
mod tests {
    use crate::probe::testing::{deep_of, routes, system};

    async fn of(answers: &[(&str, u16)]) -> String {
        let answers = answers.iter().map(|(path, status)| ((*path).into(), *status, String::new())).collect();
        deep_of(system("minio", 9000), 9000, routes(answers).await).await
    }

    #[tokio::test]
    async fn every_state_has_its_words() {
        let (read, write) = ("GET /minio/health/cluster/read ", "GET /minio/health/cluster ");
        insta::assert_snapshot!(of(&[(read, 200), (write, 200)]).await, @r"
        write quorum ok: enough drives are online to write
        read quorum ok: enough drives are online to read
        ");
        insta::assert_snapshot!(of(&[(read, 200), (write, 503)]).await, @r"
        write quorum fail: too few drives are online: takes no writes -> are all servers of its command up, and their disks neither full nor unmounted?
        read quorum ok: enough drives are online to read
        ");
        insta::assert_snapshot!(of(&[(read, 503), (write, 503)]).await, @r"
        write quorum fail: too few drives are online: takes no writes -> are all servers of its command up, and their disks neither full nor unmounted?
        read quorum fail: too few drives are online: what is stored can't be read -> are all servers of its command up, and their disks mounted?
        ");
        insta::assert_snapshot!(of(&[(read, 404), (write, 200)]).await, @r"
        write quorum ok: enough drives are online to write
        read quorum not asked: this version doesn't tell
        ");
        insta::assert_snapshot!(of(&[(read, 500), (write, 500)]).await, @r"
        write quorum fail: GET /minio/health/cluster: 500
        read quorum fail: GET /minio/health/cluster/read: 500
        ");
    }
}
