//! `tenant`: who may do what, where.

use client::Client;
use domain::{Tenant, TenantName, access::Policy};
use serde_json::json;

use crate::{
    Done,
    cli::{Format, TenantCommand, TenantFields},
    failure::Failure,
    table::Table,
    ui::Ui,
};

pub async fn run(client: &Client, command: TenantCommand, ui: &mut Ui) -> Done {
    match command {
        TenantCommand::List => list(&client.tenants().await?, ui),
        TenantCommand::Show { name } => {
            show(&client.tenant(name.as_str()).await.map_err(|e| Failure::of(e, "tenant list"))?, ui)
        }
        TenantCommand::Set { name, fields } => set(client, name, *fields, ui).await,
        TenantCommand::Delete { name } => {
            client.delete_tenant(name.as_str()).await.map_err(|e| Failure::of(e, "tenant list"))?;
            Ok(ui.done(&json!({ "deleted": name }), &name, format_args!("deleted tenant {name}"))?)
        }
    }
}

fn list(tenants: &[Tenant], ui: &mut Ui) -> Done {
    if ui.value(&json!({ "tenants": tenants }))? {
        return Ok(());
    }
    if ui.format == Format::Name {
        return Ok(tenants.iter().try_for_each(|tenant| ui.line(&tenant.name))?);
    }
    let mut table = Table::new(&["NAME", "POLICY", "NAMESPACES", "ALLOWED"]);
    for tenant in tenants {
        let allowed = serde_json::to_value(&tenant.allow).map(|v| words(&v)).unwrap_or_default();
        let policy = format!("{:?}", tenant.policy).to_lowercase();
        table.row(vec![tenant.name.as_str().into(), policy.into(), tenant.namespaces.join(",").into(), allowed.into()]);
    }
    Ok(table.print(ui)?)
}

fn words(list: &serde_json::Value) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|v| v.as_str()).collect::<Vec<_>>().join(",")
}

fn show(tenant: &Tenant, ui: &mut Ui) -> Done {
    if ui.format == Format::Name {
        return Ok(ui.line(&tenant.name)?);
    }
    if !ui.value(tenant)? {
        let value = serde_json::to_value(tenant).map_err(std::io::Error::other)?;
        ui.raw(&manifests::to_yaml(&value))?;
    }
    Ok(())
}

/// Of a tenant that exists, what is not given stays.
async fn set(client: &Client, name: TenantName, fields: TenantFields, ui: &mut Ui) -> Done {
    let (mut tenant, made) = match client.tenant(name.as_str()).await {
        Ok(tenant) => (tenant, false),
        Err(error) if error.status() == Some(404) => (blank(name), true),
        Err(error) => return Err(error.into()),
    };
    fill(&mut tenant, fields);
    if tenant.namespaces.is_empty() {
        return Err(Failure::usage("a tenant needs a namespace of its own: --namespace NAME"));
    }
    client.put_tenant(&tenant).await?;
    let word = if made { "made" } else { "changed" };
    Ok(ui.done(&tenant, &tenant.name, format_args!("{word} tenant {}", tenant.name))?)
}

fn blank(name: TenantName) -> Tenant {
    Tenant {
        name,
        namespaces: vec![],
        every_namespace: false,
        policy: Policy::Baseline,
        allow: std::collections::BTreeSet::new(),
        ..Tenant::local()
    }
}

fn fill(tenant: &mut Tenant, fields: TenantFields) {
    if !fields.namespaces.is_empty() {
        tenant.namespaces = fields.namespaces;
    }
    if !fields.allow.is_empty() {
        tenant.allow = fields.allow.into_iter().collect();
    }
    if !fields.domains.is_empty() {
        tenant.domains = fields.domains;
    }
    tenant.policy = fields.policy.map_or(tenant.policy, Policy::from);
    tenant.max_replicas = fields.max_replicas.unwrap_or(tenant.max_replicas);
    tenant.max_tasks = fields.max_tasks.unwrap_or(tenant.max_tasks);
    tenant.service_account = fields.service_account.or(tenant.service_account.take());
    let requests = &mut tenant.default_requests;
    requests.cpu = fields.cpu.unwrap_or(std::mem::take(&mut requests.cpu));
    requests.memory = fields.memory.unwrap_or(std::mem::take(&mut requests.memory));
}
