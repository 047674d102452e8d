//! The RabbitMQ bus on a real broker: the promises of every bus, and those that only hold if it outlives what
//! operators, networks and brokers do to it.

mod broker;
mod promises {
    garage_kit::bus_suite!(super::broker::broker());
}
