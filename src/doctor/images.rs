//! Images: here, to be had, made for this machine.

use super::Finding;
use super::facts::{Facts, Here, ImageSeen};
use crate::engine::survey::ImagePlatform;
use crate::plan::Stubs;
use crate::plan::observed::EngineInfo;
use crate::stack::model::PullPolicy;
use crate::stack::{Service, Stack, reference};

/// Every image that can't be had or won't run; the others in a line.
pub fn findings(stack: &Stack, stubs: &Stubs, facts: &Facts) -> Vec<Finding> {
    let Ok(engine) = &facts.engine else { return Vec::new() };
    let (mut here, mut pullable) = (0, 0);
    let mut findings = Vec::new();
    let mut told: Vec<(&str, Option<&str>)> = Vec::new();
    let real = stack.services.values().filter(|service| !stubs.contains_key(&service.name));
    for service in real {
        let Some(seen) = engine.images.get(&service.image) else { continue };
        let asked = (service.image.as_str(), service.platform.as_deref());
        if told.contains(&asked) {
            continue;
        }
        // The same image for another platform is looked at again, and counted once.
        let first = !told.iter().any(|(image, _)| *image == service.image);
        told.push(asked);
        match seen {
            ImageSeen::Here(platform) => {
                here += u32::from(first);
                findings.extend(platform.as_ref().and_then(|platform| {
                    not_as_wanted(service, platform, &engine.info)
                        .or_else(|| wrong_platform(service, platform, &engine.info, &facts.here))
                }));
            }
            ImageSeen::Pullable(platforms) => {
                match not_among(service, platforms, &engine.info, &facts.here) {
                    Some(finding) => findings.push(finding),
                    None => pullable += u32::from(first),
                }
            }
            ImageSeen::Nowhere(words) => findings.push(nowhere(service, words)),
            ImageSeen::Unknown(why) => findings.push(
                Finding::warn(
                    "image",
                    format!("{} isn't here, and its registry couldn't be asked: {why}", service.image),
                    format!("docker pull {}", service.image),
                )
                .of(&service.name),
            ),
        }
    }
    let mut good = Vec::new();
    if here > 0 {
        good.push(format!("{here} here"));
    }
    if pullable > 0 {
        good.push(format!("{pullable} to be pulled"));
    }
    if !good.is_empty() {
        findings.push(Finding::ok("image", good.join(", ")));
    }
    findings
}

fn nowhere(service: &Service, words: &str) -> Finding {
    let image = &service.image;
    if service.pull_policy == PullPolicy::Never {
        return Finding::fail(
            "image",
            format!("{image} isn't here, and its pull_policy is never"),
            format!("docker pull {image}"),
        )
        .of(&service.name);
    }
    let denied = ["denied", "unauthorized", "authentication required", "no basic auth"];
    let registry = reference::registry(image);
    let unreachable =
        ["dial tcp", "no such host", "i/o timeout", "TLS handshake", "proxyconnect", "certificate"];
    let fix = if denied.iter().any(|word| words.contains(word)) {
        format!("docker login {registry}, if it is there; else correct the name")
    } else if unreachable.iter().any(|word| words.contains(word)) {
        format!("docker pull {image}, once the engine reaches {registry} (its network, DNS, proxy)")
    } else {
        format!("correct the image's name or tag; does {registry} have it?")
    };
    Finding::fail("image", format!("{image} isn't here and can't be pulled: {words}"), fix).of(&service.name)
}

/// The platform that a service's container is to run as.
fn wanted(service: &Service, engine: &EngineInfo) -> ImagePlatform {
    let own = service.platform.as_deref().and_then(|platform| {
        let mut parts = platform.split('/');
        Some(ImagePlatform { os: parts.next()?.to_owned(), arch: architecture(parts.next()?).to_owned() })
    });
    own.unwrap_or_else(|| ImagePlatform {
        os: engine.os.clone(),
        arch: architecture(&engine.arch).to_owned(),
    })
}

/// The names that images use, for the kernel's own.
pub fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// What an image of this platform comes to on the engine; nothing where it simply runs.
fn wrong_platform(
    service: &Service,
    made_for: &ImagePlatform,
    engine: &EngineInfo,
    here: &Here,
) -> Option<Finding> {
    let native = ImagePlatform { os: engine.os.clone(), arch: architecture(&engine.arch).to_owned() };
    if made_for.arch.is_empty() || *made_for == native || runs_32_bit(made_for, &native) {
        return None;
    }
    let image = &service.image;
    let seen = format!("{image} is made for {made_for}, and the engine is {native}");
    let pull = format!("docker pull --platform {native} {image}");
    Some(
        if made_for.os != native.os {
            Finding::fail("image", seen, pull)
        } else if here.emulated.contains(&made_for.arch) {
            Finding::warn("image", format!("{seen}: it runs slowly, by emulation"), pull)
        } else if here.shared && !here.kernel.is_empty() {
            let emulate = format!(
                "{pull}; or emulate it: docker run --privileged --rm tonistiigi/binfmt --install {}",
                made_for.arch
            );
            Finding::fail("image", format!("{seen}, which can't run it (exec format error)"), emulate)
        } else {
            Finding::warn("image", format!("{seen}: it runs by emulation, if at all"), pull)
        }
        .of(&service.name),
    )
}

/// What an image that is here comes to where the file wants another platform: the engine makes no container from it.
fn not_as_wanted(service: &Service, made_for: &ImagePlatform, engine: &EngineInfo) -> Option<Finding> {
    let platform = service.platform.as_deref()?;
    let wanted = wanted(service, engine);
    if made_for.arch.is_empty() || *made_for == wanted {
        return None;
    }
    let image = &service.image;
    Some(
        Finding::fail(
            "image",
            format!(
                "{image} is here for {made_for}, and {} wants it for {platform} (platform)",
                service.name
            ),
            format!("docker pull --platform {platform} {image}; or take platform out of the file"),
        )
        .of(&service.name),
    )
}

fn runs_32_bit(made_for: &ImagePlatform, native: &ImagePlatform) -> bool {
    made_for.os == native.os && made_for.arch == "386" && native.arch == "amd64"
}

/// What an image that is to be had for these platforms comes to.
fn not_among(
    service: &Service,
    platforms: &[ImagePlatform],
    engine: &EngineInfo,
    here: &Here,
) -> Option<Finding> {
    let wanted = wanted(service, engine);
    // Registries don't always say.
    let told: Vec<&ImagePlatform> = platforms.iter().filter(|platform| !platform.arch.is_empty()).collect();
    if told.is_empty() {
        return None;
    }
    if told.contains(&&wanted) {
        return wrong_platform(service, &wanted, engine, here);
    }
    let mut names: Vec<String> =
        told.iter().filter(|platform| platform.os != "unknown").map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    let first = names.first().cloned().unwrap_or_default();
    Some(
        Finding::fail(
            "image",
            format!("{} isn't to be had for {wanted}, only for {}", service.image, names.join(", ")),
            format!("take another image or tag, or emulate: platform: {first}"),
        )
        .of(&service.name),
    )
}
