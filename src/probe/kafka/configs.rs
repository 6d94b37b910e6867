//! Settings of topics and brokers, as the cluster has them.

use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::protocol::StrBytes;

use super::client::{Client, Step};

/// What has settings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resource<'a> {
    /// A topic.
    Topic(&'a str),
    /// A broker, by its id; only itself can be asked for all of them.
    Broker(i32),
}

/// A setting of each of these, by the resource's name. Those that may not be asked for, or don't have it, are left out.
pub(super) async fn describe(
    client: &mut Client<'_>,
    resources: &[Resource<'_>],
    key: &'static str,
) -> Step<Vec<(String, String)>> {
    let version = client.expect_version::<DescribeConfigsRequest>(4)?;
    let resource = |resource: &Resource<'_>| {
        let (kind, name) = match resource {
            Resource::Topic(name) => (2, (*name).to_owned()),
            Resource::Broker(id) => (4, id.to_string()),
        };
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_string(name))
            .with_configuration_keys(Some(vec![StrBytes::from_static_str(key)]))
    };
    let request = DescribeConfigsRequest::default().with_resources(resources.iter().map(resource).collect());
    let answer = client.call(&version, &request).await?;
    let of = answer.results.into_iter().filter(|result| result.error_code == 0).flat_map(|result| {
        let name = result.resource_name.to_string();
        result.configs.into_iter().filter_map(move |config| {
            let wanted = config.name.as_str() == key;
            wanted.then(|| config.value.map(|value| (name.clone(), value.to_string()))).flatten()
        })
    });
    Ok(of.collect())
}
