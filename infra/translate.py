#!/usr/bin/env python3
"""Derives cloudformation.json, the plain CloudFormation form, from template.yaml.

Emulators and deployment tools without the SAM transform take the plain form, and so do the checks, because checks see
more in it. The transform runs offline, with the library that the SAM service itself is made of. The one thing that the
plain form adds is where the code lies: `sam deploy` uploads each archive and fills its place in, here two parameters do.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent

CODE_PARAMETERS = {
    "CodeBucket": {
        "Type": "String",
        "Description": "Bucket that holds the archives of the functions",
    },
    "CodePrefix": {
        "Type": "String",
        "Default": "",
        "Description": "What the keys of the archives begin with; the key is this, the function's name and .zip",
    },
}


class CloudFormationLoader(yaml.SafeLoader):
    """Reads the short forms of the intrinsic functions, such as !Ref, as their long ones."""


def intrinsic(loader, suffix, node):
    """Turns `!Name value` into `{"Fn::Name": value}`."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


CloudFormationLoader.add_multi_constructor("!", intrinsic)


def point_at_bucket(template):
    """Replaces each local CodeUri by an object in the bucket that the parameters name."""
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        code = resource["Properties"].get("CodeUri")
        if not isinstance(code, str):
            sys.exit(f"{name}: CodeUri must be the path of a local archive, but is {code!r}")
        function = Path(code).parent.name
        resource["Properties"]["CodeUri"] = {
            "Bucket": {"Ref": "CodeBucket"},
            "Key": {"Fn::Sub": f"${{CodePrefix}}{function}.zip"},
        }
    template["Parameters"].update(CODE_PARAMETERS)


def translate(template):
    """Runs the SAM transform; ends the program with its messages if it refuses the template."""
    # The library asks the AWS SDK for a region although the result does not depend on it.
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    try:
        return Translator({}, Parser()).translate(template, parameter_values={})
    except InvalidDocumentException as refused:
        causes = "\n".join(f"  {cause.message}" for cause in refused.causes)
        sys.exit(f"the SAM transform refuses the template:\n{causes}")


def plain_form(source):
    """The text of the plain form: keys sorted, so that it changes only where the template does."""
    template = yaml.load(source.read_text(encoding="utf-8"), Loader=CloudFormationLoader)
    point_at_bucket(template)
    return json.dumps(translate(template), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main():
    """Reads the command line, then writes or checks."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="needs the packages of requirements/emulator.txt",
    )
    parser.add_argument(
        "--template", type=Path, default=HERE / "template.yaml", metavar="FILE",
        help="the SAM template to read (default: template.yaml beside this program)",
    )
    parser.add_argument(
        "--output", type=Path, default=HERE / "cloudformation.json", metavar="FILE",
        help="the file to write or to compare with (default: cloudformation.json beside this program)",
    )
    parser.add_argument(
        "--check", action="store_true",
        help="write nothing; exit with 1 if the output file is not what the template yields",
    )
    arguments = parser.parse_args()

    text = plain_form(arguments.template)
    if not arguments.check:
        arguments.output.write_text(text, encoding="utf-8")
        print(f"wrote {arguments.output}")
    elif not arguments.output.exists() or arguments.output.read_text(encoding="utf-8") != text:
        sys.exit(f"{arguments.output} is out of step with {arguments.template}: run `cargo dev template` and commit it")
    else:
        print(f"{arguments.output} is in step with {arguments.template}")


if __name__ == "__main__":
    main()
