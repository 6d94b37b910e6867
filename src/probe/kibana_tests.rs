use crate::probe::testing::{
    BRIEF, Fake, LOOKING, ask, ask_within, closing, deep_lines, environment, page, silent, site, stack_of,
    status, system, told,
};

async fn of(code: u16, body: &str) -> String {
    told(ask(system("kibana", 5601), 5601, page(code, "", body).await).await)
}

#[tokio::test]
async fn every_state_has_its_words() {
    let new = |level: &str, core: &str| {
        format!(
            r#"{{"version":{{"number":"8.10.2"}},"status":{{"overall":{{"level":"{level}","summary":"{level}"}},"core":{{{core}}}}}}}"#
        )
    };
    let lost = r#""elasticsearch":{"level":"critical","summary":"Unable to retrieve version information from Elasticsearch nodes."}"#;
    let old = r#"{"version":{"number":"7.17.0"},"status":{"overall":{"state":"red"},"statuses":[{"id":"core:http","state":"green","message":"Ready"},{"id":"core:elasticsearch@7.17.0","state":"red","message":"Service Unavailable"}]}}"#;
    let lines = [
        of(200, &new("available", "")).await,
        of(200, &old.replace("red", "green")).await,
        of(503, &new("critical", lost)).await,
        of(200, &new("degraded", "")).await,
        of(503, old).await,
        of(503, "Kibana server is not ready yet").await,
        of(401, "{}").await,
        of(404, "<html>").await,
        of(200, r#"{"status":{}}"#).await,
        told(ask(system("kibana", 5601), 5601, closing().await).await),
        told(ask_within(system("kibana", 5601), 5601, silent().await, BRIEF).await),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: available, version 8.10.2
    ok: available, version 7.17.0
    fail: critical: elasticsearch: Unable to retrieve version information from Elasticsearch nodes. -> is its Elasticsearch up, and does it have the right login there?
    warn: degraded: degraded -> its page /status says more
    fail: red: core:elasticsearch@7.17.0: Service Unavailable -> is its Elasticsearch up, and does it have the right login there?
    fail: not yet: Kibana server is not ready yet -> it waits for its Elasticsearch: vv health shows how that is
    ok: answers (its status is behind a login)
    fail: GET /api/status: 404
    ok: answers
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 5601 in the container
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    ");
}

async fn views(pages: &[(&str, u16, &str)]) -> String {
    let kibana = system("kibana", 5601);
    let store = environment(system("elasticsearch", 9200), &[("ELASTIC_PASSWORD", "hunter22")]);
    let platform = Fake::default().with(status("kibana", 1)).published("kibana", 5601, site(pages).await);
    deep_lines(&stack_of([kibana.clone(), store]), &kibana, &platform, LOOKING).await
}

#[tokio::test]
async fn data_views_old_and_new() {
    // The login of the stack's Elasticsearch comes with it.
    let login = "authorization: Basic ZWxhc3RpYzpodW50ZXIyMg==";
    let lines = [
        views(&[(login, 200, r#"{"data_view":[{"id":"a"},{"id":"b"}]}"#)]).await,
        views(&[("GET /api/data_views", 200, r#"{"data_view":[]}"#)]).await,
        views(&[("GET /api/saved_objects/_find", 200, r#"{"total":3,"saved_objects":[]}"#)]).await,
        views(&[]).await,
        views(&[("GET /api/data_views", 401, "{}")]).await,
        views(&[(
            "GET /api/data_views",
            503,
            r#"{"message":"all shards failed: search_phase_execution_exception"}"#,
        )])
        .await,
        views(&[("GET /api/data_views", 200, "<html>")]).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    data views ok: 2
    data views ok: none yet
    data views ok: 3
    data views not asked: this version doesn't list them
    data views not asked: Kibana wants a login that the stack doesn't give
    data views fail: GET /api/data_views: 503: {"message":"all shards failed: search_phase_execution_exception"} -> can it read its index .kibana in Elasticsearch?
    data views fail: GET /api/data_views answers 200, but not as Kibana
    "#);
}
