//! `token`: keys to a tenant.

use client::Client;
use domain::access::{Scope, Token};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    Done,
    cli::{Format, TokenCommand},
    failure::Failure,
    table::Table,
    ui::Ui,
};

pub async fn run(client: &Client, command: TokenCommand, ui: &mut Ui) -> Done {
    match command {
        TokenCommand::List { tenant } => {
            let tenant = tenant.map(String::from);
            list(&client.tokens(tenant.as_deref()).await?, ui)
        }
        TokenCommand::Create { tenant, scopes, expires, note } => {
            let scopes: Vec<Scope> = scopes.into_iter().map(Scope::from).collect();
            let expires = expires.map(until).transpose()?;
            let made = client.create_token(tenant.as_str(), &scopes, expires.as_deref(), &note).await;
            let made = made.map_err(|e| Failure::of(e, "tenant list"))?;
            if matches!(ui.format, Format::Table | Format::Wide) {
                // Only the token on stdout, so that it can be taken into a variable.
                eprintln!("this is the only time that the token is shown");
            }
            let id = made.stored.as_ref().map_or("", |stored| stored.id.as_str());
            Ok(ui.done(&made, id, &made.token)?)
        }
        TokenCommand::Revoke { id } => {
            client.revoke_token(&id).await.map_err(|e| Failure::of(e, "token list"))?;
            Ok(ui.done(&json!({ "revoked": id }), &id, format_args!("revoked token {id}"))?)
        }
    }
}

fn until(length: std::time::Duration) -> Result<String, Failure> {
    let far = || Failure::usage("--expires is too far away; leave it out for a token that never ends");
    let length = SignedDuration::try_from(length).map_err(|_| far())?;
    Timestamp::now().checked_add(length).map(|end| end.to_string()).map_err(|_| far())
}

fn list(tokens: &[Token], ui: &mut Ui) -> Done {
    if ui.value(&json!({ "tokens": tokens }))? {
        return Ok(());
    }
    if ui.format == Format::Name {
        return Ok(tokens.iter().try_for_each(|token| ui.line(&token.id))?);
    }
    let mut table = Table::new(&["ID", "TENANT", "SCOPES", "EXPIRES", "NOTE"]);
    for token in tokens {
        let scopes = token.scopes.iter().map(|s| format!("{s:?}").to_lowercase()).collect::<Vec<_>>().join(",");
        let expires = token.expires.map_or("never".to_owned(), |end| end.to_string());
        let cells = [&token.id, token.tenant.as_str(), &scopes, &expires, &token.note];
        table.row(cells.map(Into::into).into());
    }
    Ok(table.print(ui)?)
}
