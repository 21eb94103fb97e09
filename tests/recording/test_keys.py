from __future__ import annotations

import pytest

from runlog.errors import ConfigError
from runlog.recording.keys import KeyRules, key_rules, split_words

SECRET = """
password passwd pwd passphrase secret credential credentials authorization auth auth-header auth_token Cookie
Set-Cookie token jwt bearer otp cvv ssn pin api_key apiKey API-KEY apikey x-api-key access_key secretKey
private_key signing-key encryption_key client_key client_secret session_id sessionId sessionid csrf xsrf
X-CSRF-Token dsn connection_string database_url databaseUrl proxy-authorization x-amz-security-token
card_number cardNumber service_account keyfile db_password DB_PASSWORD userPassword mysql_pwd password2
old.password refresh_token access_tokens oauth2Token AWSSecretKey AWSAccessKeyId connect.sid PHPSESSID
csrfmiddlewaretoken dbpassword http.request.header.authorization smtp_pass user_pin id_token accessToken
secret_access_key password_hash account_key x-functions-key
""".split()

BENIGN = """
author authority authors tokenizer token_count tokens max_tokens maxTokens total_tokens prompt_tokens
session_count primary_key primaryKey foreign_key public_key partition_key cache_key idempotency_key
routing_key keyboard key keys monkey next_page_token nextToken page_token token_type token_expires_at
expires_in password_length password_changed_at passenger passed compass pass_rate bypass tests_passed gpio_pin
pinned ping spinner mapping cookie_consent secret_name secretary auth_type auth_method auth_url oauth
authenticated authorized author_id user_id session_duration sessions time_to_first_token fencing_token
accessibility credited scorecard dashboard description hotel tokenized passport_country db.system db.name
http.method url.path user.name process.pid code.function error.type message card id name
""".split()


@pytest.mark.parametrize("key", SECRET)
def test_secret_keys(key: str) -> None:
    assert key_rules().rule(key) is not None


@pytest.mark.parametrize("key", BENIGN)
def test_benign_keys(key: str) -> None:
    assert key_rules().rule(key) is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", ()),
        ("camelCaseKey", ("camel", "case", "key")),
        ("XMLHttpRequest", ("xml", "http", "request")),
        ("kebab-case.snake_case", ("kebab", "case", "snake", "case")),
        ("APIKey2", ("api", "key")),
        ("ключ_пароль", ("ключ", "пароль")),
    ],
)
def test_words(key: str, words: tuple[str, ...]) -> None:
    assert split_words(key) == words


def test_the_rule_is_named_after_its_words() -> None:
    rules = key_rules()
    assert rules.rule("X-Api-Key") == "api-key"
    assert rules.rule("dbPassword") == "password"
    assert rules.rule("userpassword") == "password"


def test_extra_keys_match_whole_words_and_win_over_the_benign_ones() -> None:
    rules = key_rules(("customerCode", "author", "пароль"))
    assert rules.rule("the_customer_code") == "customer-code"
    assert rules.rule("customer_codes") is None
    assert rules.rule("author_name") == "author"
    assert rules.rule("Пароль") == "пароль"
    assert rules.rule("password") == "password"


def test_an_extra_key_without_letters_is_refused_and_named() -> None:
    with pytest.raises(ConfigError, match=r"scrub\.keys: '12-3'"):
        KeyRules(("ok", "12-3"))


def test_the_cache_is_bounded() -> None:
    rules = KeyRules()
    for number in range(20_000):
        rules.rule(f"key_{'x' * (number % 50)}_{chr(97 + number % 26)}{number}")
    assert len(rules.cache) <= 8192
    assert rules.rule("x" * 1_000_000) is None
    assert rules.rule("a_" * 400 + "password") == "password"
