//! What the client makes of a gateway that misbehaves: it says what it knows, and where it knows nothing it
//! says so. The gateway here is a socket with answers prepared byte by byte.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

use std::time::Duration;

use garage_billing_service::gateway::{
    Address, Charge, Gateway, GatewayError, Refunded, Standing, mercado_pago::MercadoPago,
};
use garage_events::{Cents, PaymentId, PaymentMethod, event::Payer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use uuid::Uuid;

const TOKEN: &str = "APP_USR-of-the-shop";
const REFERENCE: Uuid = Uuid::from_u128(0x0199_3c6e_7b1a_7000_8000_1234_5678_9abc);

/// Gives its answers in order, one per connection; what was asked arrives at the other end.
async fn gateway(answers: Vec<String>) -> (MercadoPago, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port(), Duration::from_secs(10));
    let (asked, questions) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked.send(question(&mut stream).await).unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (client, questions)
}

fn client(port: u16, deadline: Duration) -> MercadoPago {
    MercadoPago::new(format!("http://127.0.0.1:{port}").parse().unwrap(), TOKEN.into(), deadline).unwrap()
}

/// One whole request: head, and as much body as it announces.
async fn question(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "a request broke off");
    }
}

fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn payment(status: &str, amount: &str) -> String {
    format!(
        r#"{{"id":20359978000123,"status":"{status}","status_detail":"d","transaction_amount":{amount},"external_reference":"{REFERENCE}"}}"#
    )
}

fn pix() -> Charge {
    Charge {
        reference: PaymentId(REFERENCE),
        amount: Cents::new(15050).unwrap(),
        method: PaymentMethod::Pix,
        payer: Payer {
            name: "Maria da Silva".to_owned(),
            email: Some("client@example.com".to_owned()),
            document: Some("12ABC34501DE35".to_owned()),
        },
        address: None,
        expires_at: None,
        card_token: None,
        card_brand: None,
        installments: 1,
        description: "Quote 1042".to_owned(),
    }
}

fn card() -> Charge {
    let (card_token, card_brand) = (Some("card-token".to_owned()), Some("visa".to_owned()));
    Charge { method: PaymentMethod::CreditCard, card_token, card_brand, installments: 3, ..pix() }
}

fn is_doubt<T>(answer: &Result<T, GatewayError>) -> bool {
    matches!(answer, Err(GatewayError::Unknown(_)))
}

#[tokio::test]
async fn a_charge_goes_out_as_the_provider_documents_it() {
    let (client, mut questions) = gateway(vec![answer(201, &payment("approved", "150.5"))]).await;
    client.create(&card()).await.unwrap();
    let question = questions.recv().await.unwrap();
    let (head, body) = question.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/payments HTTP/1.1"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {TOKEN}")), "{head}");
    assert!(head.contains(&format!("x-idempotency-key: {REFERENCE}")), "{head}");
    assert!(body.contains(r#""transaction_amount":150.5,"#), "{body}");
    let expected = json!({
        "transaction_amount": 150.5, "description": "Quote 1042", "external_reference": REFERENCE.to_string(),
        "payment_method_id": "visa", "token": "card-token", "installments": 3,
        "payer": {"email": "client@example.com", "first_name": "Maria", "last_name": "da Silva",
            "identification": {"type": "CNPJ", "number": "12ABC34501DE35"}},
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn what_is_not_the_provider_s_word_is_a_doubt() {
    let no = r#"{"message":"no","error":"bad_request","status":400,"cause":[]}"#;
    for odd in [
        answer(500, no),
        answer(502, "<html>bad gateway</html>"),
        answer(503, ""),
        answer(400, "<html>bad request</html>"),
        answer(408, no),
        answer(423, no),
        answer(424, no),
        answer(429, no),
        answer(302, no),
        answer(200, "<html>welcome</html>"),
        answer(201, r#"{"id":1,"status":"approved"#),
        answer(201, "").replace("content-length: 0", "content-length: 99"),
        String::new(),
    ] {
        let (client, _questions) = gateway(vec![odd.clone(), odd.clone(), odd.clone()]).await;
        assert!(is_doubt(&client.create(&pix()).await), "{odd}");
        assert!(is_doubt(&client.read("1").await), "{odd}");
        assert!(is_doubt(&client.refund("1", pix().amount, "key").await), "{odd}");
    }
}

#[tokio::test]
async fn a_payment_without_a_readable_amount_is_a_doubt() {
    for odd in [r#"{"id":1,"status":"approved"}"#, &payment("approved", "\"about ten\"")] {
        let (client, _questions) = gateway(vec![answer(201, odd)]).await;
        assert!(is_doubt(&client.create(&pix()).await), "{odd}");
    }
}

#[tokio::test]
async fn a_silent_gateway_and_an_absent_one_are_doubts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = client(port, Duration::from_millis(100));
    assert!(is_doubt(&client.create(&pix()).await));
    drop(listener);
    assert!(is_doubt(&client.create(&pix()).await));
}

#[tokio::test]
async fn amounts_may_be_texts_and_new_words_are_no_end() {
    for (body, standing) in [
        (payment("approved", "\"150.50\""), Standing::Approved),
        (payment("approved", "150.50"), Standing::Approved),
        (payment("fully_baked", "150.5"), Standing::Pending),
    ] {
        let (client, _questions) = gateway(vec![answer(200, &body)]).await;
        let charged = client.create(&pix()).await.unwrap();
        assert_eq!((charged.standing, charged.amount), (standing, pix().amount));
    }
}

#[tokio::test]
async fn our_token_is_in_no_error_even_if_the_gateway_repeats_it() {
    for status in [400, 401, 403, 500] {
        let echo = format!(
            r#"{{"message":"invalid access token {TOKEN}","cause":[{{"code":1,"description":"{TOKEN}"}}]}}"#
        );
        let (client, _questions) = gateway(vec![answer(status, &echo)]).await;
        let told = client.create(&pix()).await.unwrap_err().to_string();
        assert!(told.contains("invalid access token") && !told.contains("APP_USR"), "{told}");
    }
}

#[tokio::test]
async fn a_charge_that_the_provider_has_met_before_is_looked_for() {
    let same_request = r#"{"message":"same request","error":"bad_request","cause":[{"code":"801"}]}"#;
    let page = format!(r#"{{"results":[{}]}}"#, payment("approved", "150.5"));
    for met_before in [answer(409, "{}"), answer(400, same_request)] {
        let (client, _questions) = gateway(vec![met_before.clone(), answer(200, &page)]).await;
        assert_eq!(client.create(&pix()).await.unwrap().standing, Standing::Approved);
        for not_shown in [answer(200, r#"{"results":[]}"#), answer(401, "{}"), answer(500, "")] {
            let (client, _questions) = gateway(vec![met_before.clone(), not_shown]).await;
            assert!(is_doubt(&client.create(&pix()).await));
        }
    }
}

#[tokio::test]
async fn a_refund_under_way_is_read_until_it_ends() {
    let (accepted, done) =
        (answer(201, r#"{"id":7,"status":"in_process"}"#), answer(200, r#"{"id":7,"status":"approved"}"#));
    for (then, expected) in [
        (accepted.clone(), Refunded::Pending),
        (answer(502, ""), Refunded::Pending),
        (done, Refunded::Done("7".to_owned())),
        (
            answer(200, r#"{"id":7,"status":"rejected"}"#),
            Refunded::Rejected("the refund was rejected".to_owned()),
        ),
    ] {
        let (client, mut questions) = gateway(vec![accepted.clone(), then]).await;
        assert_eq!(client.refund("1", pix().amount, "key").await, Ok(expected));
        let question = questions.recv().await.unwrap();
        assert!(
            question.contains("x-render-in-process-refunds: true")
                && question.contains("x-idempotency-key: key")
        );
        assert!(question.ends_with(r#"{"amount":150.5}"#), "{question}");
        assert!(questions.recv().await.unwrap().starts_with("GET /v1/payments/1/refunds/7 "));
    }
}

#[tokio::test]
async fn an_id_is_one_segment_of_the_path_whatever_it_contains() {
    let (client, mut questions) = gateway(vec![answer(404, r#"{"message":"Payment not found"}"#)]).await;
    assert_eq!(client.read("1/refunds?x=#").await, Ok(None));
    assert!(questions.recv().await.unwrap().starts_with("GET /v1/payments/1%2Frefunds%3Fx=%23 "));
}

#[tokio::test]
async fn what_the_provider_would_turn_down_is_refused_without_a_call() {
    let without = |payer: Payer, method| Charge { payer, method, ..pix() };
    let nobody = client(9, Duration::from_secs(1));
    for (charge, missing) in [
        (without(Payer { email: None, ..pix().payer }, PaymentMethod::Pix), "e-mail"),
        (without(Payer { document: None, ..pix().payer }, PaymentMethod::Boleto), "CPF or CNPJ"),
        (Charge { card_token: None, ..card() }, "card token"),
        (Charge { card_brand: None, ..card() }, "brand"),
    ] {
        let Err(GatewayError::Refused(why)) = nobody.create(&charge).await else {
            panic!("{missing} was not asked for")
        };
        assert!(why.contains(missing), "{why}");
    }
}

#[test]
fn a_token_that_fits_in_no_header_is_refused_without_being_told() {
    for token in ["", "with\nnewline"] {
        let base = "https://api.mercadopago.com".parse().unwrap();
        let Err(failure) = MercadoPago::new(base, token.into(), Duration::from_secs(1)) else {
            panic!("it was taken")
        };
        assert!(!failure.to_string().contains("newline"), "{failure}");
    }
}

#[tokio::test]
async fn a_code_goes_out_with_its_last_moment_and_a_boleto_with_its_payer_s_home() {
    let (client, mut questions) =
        gateway(vec![answer(201, &payment("pending", "150.5")), answer(201, &payment("pending", "150.5"))])
            .await;
    let client = client.notifying("https://shop.example/webhooks/mercado-pago".parse().unwrap()).unwrap();
    let last_moment = "2026-11-24T21:00:00Z".parse().unwrap();
    client.create(&Charge { expires_at: Some(last_moment), ..pix() }).await.unwrap();
    let told =
        |question: String| serde_json::from_str::<Value>(question.split_once("\r\n\r\n").unwrap().1).unwrap();
    let body = told(questions.recv().await.unwrap());
    assert_eq!(body["payment_method_id"], "pix");
    assert_eq!(body["date_of_expiration"], "2026-11-24T18:00:00.000-03:00");
    let tells = "https://shop.example/webhooks/mercado-pago?source_news=webhooks";
    assert_eq!(body["notification_url"], tells);

    let address = Address {
        zip_code: "01310100".to_owned(),
        street: "Avenida Paulista".to_owned(),
        number: "1000".to_owned(),
        neighborhood: "Bela Vista".to_owned(),
        city: "São Paulo".to_owned(),
        state: "SP".to_owned(),
    };
    let boleto = Charge { method: PaymentMethod::Boleto, address: Some(address), ..pix() };
    client.create(&boleto).await.unwrap();
    let body = told(questions.recv().await.unwrap());
    assert_eq!(
        (&body["payment_method_id"], &body["payer"]["last_name"]),
        (&json!("bolbradesco"), &json!("da Silva"))
    );
    let home = json!({ "zip_code": "01310100", "street_name": "Avenida Paulista", "street_number": "1000",
        "neighborhood": "Bela Vista", "city": "São Paulo", "federal_unit": "SP" });
    assert_eq!(body["payer"]["address"], home);
}

/// The listener behind the client gives one answer only: a second call would wait for ever.
#[tokio::test]
async fn a_provider_that_wants_to_be_left_alone_is_left_alone() {
    let busy =
        "HTTP/1.1 429 X\r\nretry-after: 60\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
    let (client, mut questions) = gateway(vec![busy]).await;
    assert!(is_doubt(&client.create(&pix()).await));
    questions.recv().await.unwrap();
    assert!(is_doubt(&client.create(&pix()).await), "it may still be done later, so it is no refusal");
    assert!(is_doubt(&client.read("7").await));
    assert!(questions.recv().await.is_none(), "nobody was asked");
}
