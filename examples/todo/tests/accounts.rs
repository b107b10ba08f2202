//! What `Accounts` promises, on SQLite and on PostgreSQL.

#[path = "accounts/desk.rs"]
mod desk;

use std::collections::BTreeSet;

use todo::accounts::{AccountError, Accounts, SignUp, TOKENS_MAX, secret};
use todo::hidden::Hidden;

use desk::{Desk, on_both};

const PASSWORD: &str = "correct horse battery";

on_both!(
    an_account_is_there_once_its_address_was_verified,
    a_link_counts_once_however_many_use_it_at_once,
    what_a_stranger_asked_for_opens_nothing_of_the_owners,
    a_stranger_keeps_nobody_from_a_reset,
    a_changed_password_ends_links_and_a_repeat_gets_the_first_answer,
    nobody_learns_who_has_an_account,
    wrong_passwords_are_limited,
    a_password_is_set_anew_by_a_link_and_every_session_ends,
    tokens_open_until_they_are_revoked,
    who_leaves_is_gone_and_may_come_back,
    what_opens_something_is_nowhere_in_the_database,
    wrong_fields_are_named,
);

fn request(email: &str) -> SignUp {
    SignUp {
        email: email.to_owned(),
        from: "192.0.2.1".to_owned(),
    }
}

async fn an_account_is_there_once_its_address_was_verified(desk: Desk) {
    let accounts = &desk.accounts;
    accounts
        .sign_up(&desk.cx(), request(" Ada@Example.org "))
        .await
        .expect("it is asked for");
    let early = accounts
        .sign_in(&desk.cx(), "ada@example.org".into(), Hidden::new(PASSWORD), "a".into())
        .await;
    assert_eq!(early, Err(AccountError::Wrong));
    let token = desk.link("ada@example.org", "verify").await;
    let signed_in = accounts
        .verify(&desk.cx(), token, Hidden::new(PASSWORD), "Europe/Berlin".into())
        .await
        .expect("it is verified");
    let account = accounts
        .session(&desk.cx(), signed_in.account, signed_in.epoch)
        .await
        .expect("a session");
    assert_eq!(
        (account.email.as_str(), account.zone.as_str()),
        ("ada@example.org", "Europe/Berlin")
    );
    let again = accounts
        .sign_in(&desk.cx(), "ADA@example.org".into(), Hidden::new(PASSWORD), "a".into())
        .await;
    assert_eq!(again, Ok(signed_in.clone()));
    accounts
        .sign_out_everywhere(&desk.cx(), account.id)
        .await
        .expect("it is done");
    let over = accounts.session(&desk.cx(), signed_in.account, signed_in.epoch).await;
    assert_eq!(over, Err(AccountError::SignedOut));
}

async fn a_link_counts_once_however_many_use_it_at_once(desk: Desk) {
    let accounts = &desk.accounts;
    accounts
        .sign_up(&desk.cx(), request("ada@example.org"))
        .await
        .expect("it is asked for");
    let token = desk.link("ada@example.org", "verify").await;
    let uses: Vec<_> = (0..8)
        .map(|_| {
            let (accounts, cx, token) = (accounts.clone(), desk.cx(), token.clone());
            let (password, zone) = (Hidden::new(PASSWORD), "UTC".to_owned());
            desk.env
                .spawn("use", async move { accounts.verify(&cx, token, password, zone).await })
        })
        .collect();
    let mut counted = Vec::new();
    for used in uses {
        match used.await.expect("no panic") {
            Ok(signed_in) => counted.push(signed_in),
            Err(error) => assert_eq!(error, AccountError::LinkOver),
        }
    }
    assert_eq!(counted.len(), 1);
    let forged = accounts
        .verify(&desk.cx(), Hidden::new("forged"), Hidden::new(PASSWORD), "UTC".into())
        .await;
    assert_eq!(forged, Err(AccountError::LinkOver));
}

async fn what_a_stranger_asked_for_opens_nothing_of_the_owners(desk: Desk) {
    let accounts = &desk.accounts;
    for _ in 0..2 {
        let asked = accounts.sign_up(&desk.cx(), request("ada@example.org")).await;
        asked.expect("it is asked for");
    }
    let [one, other] = desk
        .links("ada@example.org", "verify")
        .await
        .try_into()
        .expect("two links");
    let zone = || "UTC".to_owned();
    let verified = accounts.verify(&desk.cx(), one, Hidden::new(PASSWORD), zone()).await;
    verified.expect("whoever reads the mail chooses the password");
    let taken = accounts
        .verify(&desk.cx(), other, Hidden::new("a password of a stranger"), zone())
        .await;
    assert_eq!(taken, Err(AccountError::LinkOver));
    let owner = accounts
        .sign_in(&desk.cx(), "ada@example.org".into(), Hidden::new(PASSWORD), "a".into())
        .await;
    assert!(owner.is_ok(), "{owner:?}");
}

async fn a_stranger_keeps_nobody_from_a_reset(desk: Desk) {
    let accounts = &desk.accounts;
    desk.person("ada@example.org").await;
    for _ in 0..4 {
        let asked = accounts.sign_up(&desk.cx(), request("ada@example.org")).await;
        asked.expect("it is asked for");
    }
    let asked = accounts
        .ask_reset(&desk.cx(), "ada@example.org".into(), "a".into())
        .await;
    asked.expect("it is asked for");
    assert_eq!(desk.links("ada@example.org", "reset").await.len(), 1);
}

async fn a_changed_password_ends_links_and_a_repeat_gets_the_first_answer(desk: Desk) {
    let accounts = &desk.accounts;
    let ada = desk.person("ada@example.org").await.account;
    let asked = accounts
        .ask_reset(&desk.cx(), "ada@example.org".into(), "a".into())
        .await;
    asked.expect("it is asked for");
    let link = desk.link("ada@example.org", "reset").await;
    let (old, new) = (Hidden::new(PASSWORD), Hidden::new("another good password"));
    let once = desk.cx_with_id();
    let first = accounts.change_password(&once(), ada, old.clone(), new.clone()).await;
    assert!(first.is_ok(), "{first:?}");
    // As whoever has not heard the answer repeats it.
    let again = accounts.change_password(&once(), ada, old, new.clone()).await;
    assert_eq!(again, first);
    let late = accounts
        .reset(&desk.cx(), link, Hidden::new("what a thief wants"))
        .await;
    assert_eq!(late, Err(AccountError::LinkOver));
    let once = desk.cx_with_id();
    for _ in 0..2 {
        assert_eq!(accounts.delete(&once(), ada, new.clone()).await, Ok(()));
    }
}

async fn nobody_learns_who_has_an_account(desk: Desk) {
    let accounts = &desk.accounts;
    accounts
        .add(&desk.cx(), "ada@example.org".into())
        .await
        .expect("it is made");
    let known = accounts.sign_up(&desk.cx(), request("ada@example.org")).await;
    let unknown = accounts.sign_up(&desk.cx(), request("eve@example.org")).await;
    assert_eq!(known, unknown);
    let known = accounts
        .ask_reset(&desk.cx(), "ada@example.org".into(), "a".into())
        .await;
    let unknown = accounts
        .ask_reset(&desk.cx(), "bob@example.org".into(), "a".into())
        .await;
    assert_eq!(known, unknown);
    let mails = desk.mails("ada@example.org").await;
    assert!(
        mails.iter().any(|(subject, _)| subject.contains("already")),
        "{mails:?}"
    );
    assert!(desk.mails("bob@example.org").await.is_empty());
    // Nobody has a third person's box filled.
    for _ in 0..10 {
        accounts
            .sign_up(&desk.cx(), request("eve@example.org"))
            .await
            .expect("alike");
    }
    assert_eq!(desk.mails("eve@example.org").await.len(), 3);
}

async fn wrong_passwords_are_limited(desk: Desk) {
    let accounts = &desk.accounts;
    let signed_in = desk.person("ada@example.org").await;
    let mut told = BTreeSet::new();
    for number in 0..12 {
        let wrong = Hidden::new(format!("wrong password {number}"));
        let answer = accounts
            .sign_in(&desk.cx(), "ada@example.org".into(), wrong, format!("place {number}"))
            .await;
        match answer {
            Err(AccountError::Wrong) => drop(told.insert("wrong")),
            Err(AccountError::TooMany { seconds }) => {
                assert!((1..=900).contains(&seconds), "{seconds}");
                told.insert("too many");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["too many", "wrong"]);
    let right = accounts
        .sign_in(&desk.cx(), "ada@example.org".into(), Hidden::new(PASSWORD), "b".into())
        .await;
    assert!(matches!(right, Err(AccountError::TooMany { .. })), "{right:?}");
    // Who is in stays in.
    accounts
        .session(&desk.cx(), signed_in.account, signed_in.epoch)
        .await
        .expect("a session");
}

async fn a_password_is_set_anew_by_a_link_and_every_session_ends(desk: Desk) {
    let accounts = &desk.accounts;
    let before = desk.person("ada@example.org").await;
    accounts
        .ask_reset(&desk.cx(), "ada@example.org".into(), "a".into())
        .await
        .expect("it is asked for");
    let token = desk.link("ada@example.org", "reset").await;
    let short = accounts.reset(&desk.cx(), token.clone(), Hidden::new("short")).await;
    assert!(matches!(short, Err(AccountError::Invalid { field, .. }) if field == "password"));
    let new = Hidden::new("another long password");
    let after = accounts
        .reset(&desk.cx(), token.clone(), new.clone())
        .await
        .expect("it is set");
    assert_eq!(after.account, before.account);
    assert_eq!(
        accounts.reset(&desk.cx(), token, new.clone()).await,
        Err(AccountError::LinkOver)
    );
    let over = accounts.session(&desk.cx(), before.account, before.epoch).await;
    assert_eq!(over, Err(AccountError::SignedOut));
    let old = accounts
        .sign_in(&desk.cx(), "ada@example.org".into(), Hidden::new(PASSWORD), "a".into())
        .await;
    assert_eq!(old, Err(AccountError::Wrong));
    let wrong = accounts
        .change_password(
            &desk.cx(),
            after.account,
            Hidden::new(PASSWORD),
            Hidden::new("x".repeat(10)),
        )
        .await;
    assert_eq!(wrong, Err(AccountError::Wrong));
    let changed = accounts
        .change_password(&desk.cx(), after.account, new, Hidden::new("a third password"))
        .await;
    assert_eq!(changed.expect("it is changed").epoch, after.epoch + 1);
}

async fn tokens_open_until_they_are_revoked(desk: Desk) {
    let accounts = &desk.accounts;
    let ada = accounts
        .add(&desk.cx(), "ada@example.org".into())
        .await
        .expect("it is made");
    let token = secret::new(&desk.env);
    let added = accounts
        .add_token(&desk.cx(), ada.id, " phone ".into(), token.clone())
        .await
        .expect("it is added");
    assert_eq!(added.name, "phone");
    assert_eq!(accounts.bearer(&desk.cx(), token.clone()).await, Ok(ada.clone()));
    assert_eq!(
        accounts.bearer(&desk.cx(), Hidden::new("")).await,
        Err(AccountError::SignedOut)
    );
    for _ in 1..TOKENS_MAX {
        accounts
            .add_token(&desk.cx(), ada.id, "more".into(), secret::new(&desk.env))
            .await
            .expect("there is room");
    }
    let full = accounts
        .add_token(&desk.cx(), ada.id, "more".into(), secret::new(&desk.env))
        .await;
    assert!(matches!(full, Err(AccountError::Refused { .. })), "{full:?}");
    let eve = accounts
        .add(&desk.cx(), "eve@example.org".into())
        .await
        .expect("it is made");
    assert_eq!(
        accounts.revoke_token(&desk.cx(), eve.id, added.id).await,
        Err(AccountError::Unknown)
    );
    accounts
        .revoke_token(&desk.cx(), ada.id, added.id)
        .await
        .expect("it is revoked");
    assert_eq!(accounts.bearer(&desk.cx(), token).await, Err(AccountError::SignedOut));
    assert_eq!(
        accounts.tokens(&desk.cx(), ada.id).await.expect("a list").len(),
        TOKENS_MAX - 1
    );
}

async fn who_leaves_is_gone_and_may_come_back(desk: Desk) {
    let accounts = &desk.accounts;
    let signed_in = desk.person("ada@example.org").await;
    let wrong = accounts
        .delete(&desk.cx(), signed_in.account, Hidden::new("wrong"))
        .await;
    assert_eq!(wrong, Err(AccountError::Wrong));
    let token = secret::new(&desk.env);
    accounts
        .add_token(&desk.cx(), signed_in.account, "t".into(), token.clone())
        .await
        .expect("it is added");
    accounts
        .delete(&desk.cx(), signed_in.account, Hidden::new(PASSWORD))
        .await
        .expect("it is deleted");
    assert_eq!(accounts.bearer(&desk.cx(), token).await, Err(AccountError::SignedOut));
    assert_eq!(
        accounts.account(&desk.cx(), signed_in.account).await,
        Err(AccountError::Unknown)
    );
    desk.forgotten(signed_in.account).await;
    let back = desk.person("ada@example.org").await;
    assert_ne!(back.account, signed_in.account);
}

async fn what_opens_something_is_nowhere_in_the_database(desk: Desk) {
    let accounts = &desk.accounts;
    let signed_in = desk.person("ada@example.org").await;
    let token = secret::new(&desk.env);
    accounts
        .add_token(&desk.cx(), signed_in.account, "t".into(), token.clone())
        .await
        .expect("it is added");
    let dump = desk.dump().await;
    assert!(dump.contains("ada@example.org"), "the dump is one");
    for secret in [PASSWORD, token.reveal()] {
        assert!(!dump.contains(secret), "{secret} is in the database");
    }
    assert_eq!(format!("{token:?} {:?}", Hidden::new(PASSWORD)), "*** ***");
}

async fn wrong_fields_are_named(desk: Desk) {
    let accounts = &desk.accounts;
    let field = |answer: Result<(), AccountError>| match answer {
        Err(AccountError::Invalid { field, reason }) if !reason.is_empty() => field,
        other => panic!("{other:?}"),
    };
    let with = |change: fn(&mut SignUp)| {
        let mut request = request("ada@example.org");
        change(&mut request);
        request
    };
    for (request, named) in [
        (with(|request| request.email = "ada".to_owned()), "email"),
        (with(|request| request.email = "a@b\r\nBcc: c@d".to_owned()), "email"),
    ] {
        assert_eq!(field(accounts.sign_up(&desk.cx(), request).await), named);
    }
    for password in ["short".to_owned(), "x".repeat(201)] {
        let verified = accounts
            .verify(&desk.cx(), Hidden::new("forged"), Hidden::new(password), "UTC".into())
            .await;
        assert_eq!(field(verified.map(drop)), "password");
    }
    let ada = accounts
        .add(&desk.cx(), "ada@example.org".into())
        .await
        .expect("it is made");
    let zone = accounts.set_zone(&desk.cx(), ada.id, "Mars/Olympus".into()).await;
    assert_eq!(field(zone.map(drop)), "zone");
    let name = accounts
        .add_token(&desk.cx(), ada.id, "\n".into(), secret::new(&desk.env))
        .await;
    assert_eq!(field(name.map(drop)), "name");
}
