//! `man/ipvsadm.schema.json`, and documents held to it.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// The schema of the documents.
pub struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    pub fn new() -> Self {
        let text = include_str!("../../../man/ipvsadm.schema.json");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler
            .add_resource("schema", serde_json::from_str(text).unwrap())
            .unwrap();
        let index = compiler.compile("schema", &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// Returns the document in `text`, once it is known to be one that the schema describes.
    pub fn check(&self, text: &str) -> Value {
        let document = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}):\n{text}"));
        if let Err(fault) = self.schemas.validate(&document, self.index) {
            panic!("{fault:#}\n{text}");
        }
        document
    }
}
