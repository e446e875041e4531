//! One suite of contracts that every backend keeps, with real concurrency.
//!
//! A contract knows a port and nothing of the backend behind it. A backend joins with a module like
//! [`sqlite`] and a line of `short_lived_contracts!` or `durable_contracts!`. A contract that is not listed there is
//! dead code, and the lints refuse it. What only files can show stands in [`files`].
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod accounts;
mod audit;
mod clients;
mod copy;
mod entries;
mod files;
mod grants;
mod keys;
mod outbox;
mod people;
mod postgres;
mod postgres_tls;
mod race;
mod redis;
mod redis_cluster;
mod redis_faults;
mod servers;
mod short_lived;
mod signals;
mod sqlite;
mod upkeep;

macro_rules! contracts {
    ($backend:ident, $port:ident: $($contract:ident)+) => {
        mod $port {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $contract() {
                    let store = crate::$backend::$port().await;
                    crate::$port::$contract(store.port()).await;
                }
            )+
        }
    };
}

macro_rules! short_lived_contracts {
    ($backend:ident) => {
        contracts! { $backend, short_lived:
            answers
            put_writes_over_what_was_there
            an_entry_ends_at_its_second
            put_new_only_where_nothing_lives
            put_new_by_many_has_one_winner
            a_counter_counts_everybody
            take_empties
            take_of_an_ended_entry_gives_nothing
            take_by_many_has_one_winner
            replace_only_what_still_is_there
            replace_never_revives_an_ended_entry
            replace_by_many_has_one_winner
            delete_removes_one
            sweep_removes_only_what_has_ended
            long_values_come_back_whole
            any_bytes_come_back_as_they_were
            hostile_keys_are_only_keys
        }
        contracts! { $backend, entries:
            what_is_put_comes_back_under_its_prefix
            a_value_of_an_unknown_form_is_corrupt
            the_value_says_whether_a_change_prolongs_it
            only_what_was_read_is_replaced
            one_of_many_writes_a_new_entry
            one_of_many_takes_it
            changes_by_many_lose_none
            a_change_that_was_overtaken_is_made_again
            a_change_that_is_always_overtaken_is_contended
            what_is_left_is_not_written
        }
    };
}

macro_rules! durable_contracts {
    ($backend:ident) => {
        contracts! { $backend, grants:
            answers
            a_stored_grant_is_live
            a_known_id_is_not_stored_again
            a_revoked_grant_is_not_live
            revoked_before_it_was_stored
            storing_and_revoking_at_once_ends_revoked
            a_session_takes_only_its_own_grants
            a_refresh_token_names_its_grant
            rotation_replaces
            a_use_repeated_within_the_grace_revokes_nothing
            reuse_revokes
            reuse_is_seen_after_the_end
            an_expired_token_is_refused
            an_unknown_token_is_refused
            a_revoked_grant_does_not_rotate
            rotation_to_a_known_token_changes_nothing
            rotation_by_many_has_one_winner_and_revokes
        }
        contracts! { $backend, outbox:
            queued_is_due_at_once
            a_batch_is_queued_whole_or_not
            a_lease_holds_until_its_second
            the_longest_due_go_first_up_to_the_limit
            done_is_gone
            what_became_of_it_can_be_asked
            put_off_waits
            claimers_never_share_a_delivery
        }
        contracts! { $backend, people:
            a_stranger_becomes_a_person
            the_same_account_is_the_same_person
            the_same_match_key_is_the_same_person
            without_a_match_key_accounts_stay_apart
            another_match_key_is_a_conflict_and_changes_nothing
            a_match_key_is_learned_later
            a_match_key_of_another_person_is_not_learned
            an_authority_replaces_and_others_fill_gaps
            one_account_by_many_is_one_person
            one_match_key_by_many_is_one_person
            a_consent_replaces_the_earlier_one
            consents_are_apart_by_person_and_client
            a_decision_comes_back
            a_person_sees_their_own_newest_decisions
            a_decision_is_not_written_over
            hostile_text_is_only_text
            a_text_with_a_nul_is_refused_whole
            logins_at_once_lose_no_attribute
        }
        contracts! { $backend, keys:
            the_first_secret_stays
            a_key_comes_back
            instances_that_start_at_once_have_one_first_key
            a_new_key_retires_those_of_its_algorithm
            a_key_is_not_written_over
            a_key_on_schedule_is_made_once
        }
        contracts! { $backend, signals:
            a_device_is_known_to_its_person_only
            a_device_may_be_remembered_by_many_at_once
            a_signal_is_raised_until_it_is_cleared
        }
        contracts! { $backend, audit:
            records_are_linked_and_come_back
            writers_at_once_leave_no_gap
            a_change_and_its_record_are_one
            a_login_and_its_link_are_recorded
            personal_data_is_erased_and_the_chain_holds
            old_months_go_and_the_rest_still_verifies
            a_checkpoint_has_one_author
        }
        contracts! { $backend, clients:
            declared_clients_are_those_of_the_last_declaration
            a_registration_uses_up_its_token
            one_token_by_many_is_used_once
            a_registration_is_changed_and_removed_by_its_token_alone
            without_a_key_personal_data_is_refused
        }
        contracts! { $backend, upkeep:
            a_grant_goes_a_day_after_its_end
            a_grant_lives_as_long_as_its_last_refresh_token
            a_browser_goes_when_its_mark_has_ended
            decisions_go_only_by_a_given_time
            many_go_batch_by_batch
        }
        contracts! { $backend, accounts:
            an_account_comes_back
            an_unknown_account_is_none
            a_username_is_unique
            an_id_is_unique
            a_failed_account_leaves_nothing
            hostile_usernames_are_only_names
            one_username_by_many_is_one_account
        }
    };
}

mod on_sqlite {
    short_lived_contracts!(sqlite);
    durable_contracts!(sqlite);
}

mod on_postgres {
    durable_contracts!(postgres);
}

mod on_redis {
    short_lived_contracts!(redis);
}

mod on_redis_cluster {
    short_lived_contracts!(redis_cluster);
}
