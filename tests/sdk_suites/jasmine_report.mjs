// A reporter of Jasmine's: PASSED names the file that gets the full names of the specs that passed, a JSON array; what failed is printed.
import { writeFileSync } from 'node:fs';

export default class Report {
  passed = [];

  specDone({ fullName, status, failedExpectations }) {
    if (status === 'passed') this.passed.push(fullName);
    if (status === 'failed') console.log(`${fullName}: ${failedExpectations.map((each) => each.message).join('; ')}`);
  }

  jasmineDone() {
    writeFileSync(process.env.PASSED, JSON.stringify(this.passed));
  }
}
