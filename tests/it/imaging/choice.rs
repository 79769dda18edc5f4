//! Which provider answers which name.

use semantest::config::imaging::{ImagingSettings, ProviderSettings};
use semantest::imaging::error::BuildError;
use semantest::imaging::{GenerateContext, Imaging};
use semantest::model::disposition::Disposition;
use semantest::model::image::{ImageRequest, Size};

use super::{context, imaging, picture, pictures, settings, to};
use crate::net::peer::Peer;

/// The smallest picture that `sketch` draws.
const SMALL: Option<Size> = Some(Size { width: 64, height: 64 });

fn small(provider: &str) -> ImageRequest {
    ImageRequest { size: SMALL, ..to(provider) }
}

fn keyless() -> Result<Imaging, BuildError> {
    imaging(&ImagingSettings::default())
}

#[tokio::test]
async fn automatic_passes_over_who_is_not_ready_or_cannot() -> anyhow::Result<()> {
    let any = ImageRequest { provider: None, ..small("") };
    let generated = keyless()?.generate(&any, &context()).await?;
    assert_eq!((generated.provider.as_str(), generated.requested_provider.as_str()), ("sketch", "automatic"));

    let peer = Peer::start(vec![pictures(&[picture(3)?])]).await?;
    let both = imaging(&settings(Some(peer.url("/v1")?)))?;
    assert_eq!(both.generate(&any, &context()).await?.provider, "openai");

    let nobody = ImageRequest { size: Some(Size { width: 3000, height: 3000 }), ..small("automatic") };
    let Err(error) = keyless()?.generate(&nobody, &context()).await else { anyhow::bail!("somebody could") };
    assert_eq!((error.code().as_str().as_str(), error.disposition()), ("PROVIDER_UNAVAILABLE", Disposition::GiveUp));
    for part in ["`openai`: set `imaging.providers.openai.api_key`", "`sketch`: it draws sides of 64-2048"] {
        assert!(error.public_message().contains(part), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_cannot_answer_says_what_would() -> anyhow::Result<()> {
    for (name, says) in [
        ("nobody", "known here: automatic, openai, sketch, dalle2, dalle3, stable_diffusion"),
        ("addon:acme.painter", "does not draw for this user"),
        ("openai", "SEMANTEST_IMAGING__PROVIDERS__OPENAI__API_KEY"),
        ("dalle3", "imaging.providers.openai.api_key"),
        ("stable_diffusion", "[imaging.providers.stable-diffusion]"),
    ] {
        let Err(error) = keyless()?.generate(&small(name), &context()).await else { anyhow::bail!("{name} answered") };
        assert_eq!(error.code().as_str(), "PROVIDER_UNAVAILABLE", "{name}");
        assert_eq!(error.disposition(), Disposition::GiveUp, "{name}");
        assert!(error.public_message().contains(says), "{name}: {}", error.public_message());
    }
    Ok(())
}

#[tokio::test]
async fn in_dev_sketch_answers_for_an_alias_without_a_key_and_the_result_says_so() -> anyhow::Result<()> {
    let cx = GenerateContext { is_dev: true, ..context() };
    for alias in ["dalle3", "dalle2", "stable_diffusion"] {
        let request = ImageRequest { model: Some(String::from("dall-e-3")), ..small(alias) };
        let generated = keyless()?.generate(&request, &cx).await?;
        assert_eq!((generated.provider.as_str(), generated.model.as_str()), ("sketch", "sketch-1"));
        assert_eq!(generated.requested_provider, alias);
        for part in ["not configured here", "Generative drawing"] {
            assert!(generated.notes.iter().any(|note| note.contains(part)), "{:?}", generated.notes);
        }
    }
    // A provider's own name is never answered by another.
    assert!(keyless()?.generate(&small("openai"), &cx).await.is_err());
    Ok(())
}

#[tokio::test]
async fn sketch_draws_as_many_as_wanted_and_a_repeated_job_draws_the_same() -> anyhow::Result<()> {
    let (service, cx) = (keyless()?, context());
    let request = ImageRequest { count: 3, ..small("sketch") };
    let (first, again) = (service.generate(&request, &cx).await?, service.generate(&request, &cx).await?);
    assert_eq!(first.pictures, again.pictures);
    assert_eq!(first.pictures.len(), 3);
    let seeds: Vec<_> = first.pictures.iter().map(|picture| picture.seed).collect();
    let seeded = ImageRequest { seed: seeds.get(1).copied().flatten(), ..small("sketch") };
    let one = service.generate(&seeded, &context()).await?;
    assert_eq!(one.pictures.first(), first.pictures.get(1), "the reported seed draws the picture again");
    Ok(())
}

#[tokio::test]
async fn a_named_provider_that_cannot_do_it_refuses() -> anyhow::Result<()> {
    let request = ImageRequest { image: Some(String::from("art_x")), ..small("sketch") };
    let Err(error) = keyless()?.generate(&request, &context()).await else { anyhow::bail!("it drew") };
    assert_eq!(error.code().as_str(), "PROVIDER_REFUSED");
    assert!(error.public_message().contains("takes no input picture"));
    Ok(())
}

#[test]
fn settings_that_would_be_ignored_are_refused_at_start() {
    let with = |name: &str, provider: ProviderSettings| ImagingSettings {
        providers: [(name.to_owned(), provider)].into(),
        ..ImagingSettings::default()
    };
    let plain = ProviderSettings::default;
    for (settings, says) in [
        (with("sketch", ProviderSettings { model: Some(String::from("x")), ..plain() }), "has no setting `model`"),
        (with("openai", ProviderSettings { concurrency: Some(1), ..plain() }), "has no setting `concurrency`"),
        (with("mine", plain()), "there is no kind `mine`; there are: openai, sketch"),
        (with("automatic", plain()), "`automatic` is taken"),
        (with("addon:a.b", plain()), "is an addon's"),
        (with("sketch", ProviderSettings { concurrency: Some(0), ..plain() }), "`concurrency` must be"),
        (ImagingSettings { default: vec![String::from("x")], ..ImagingSettings::default() }, "names `x`"),
        (with("openai", ProviderSettings { base_url: "ftp://x/".parse().ok(), ..plain() }), "`base_url` must be"),
        (with("openai", ProviderSettings { api_key_file: Some("/nowhere".into()), ..plain() }), "`openai`: no key"),
    ] {
        let error = imaging(&settings).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_provider_of_its_own_kind_stands_beside_the_others() -> anyhow::Result<()> {
    let mine = ProviderSettings {
        kind: Some(String::from("openai")),
        base_url: Some("http://10.0.0.5:8080/v1".parse()?),
        ..ProviderSettings::default()
    };
    let settings = ImagingSettings { providers: [(String::from("mine"), mine)].into(), ..ImagingSettings::default() };
    let states = imaging(&settings)?.states();
    let ready: Vec<_> = states.iter().map(|state| (state.name.as_str(), state.kind, state.missing.is_none())).collect();
    assert_eq!(ready, [("mine", "openai", true), ("openai", "openai", false), ("sketch", "sketch", true)]);
    Ok(())
}
