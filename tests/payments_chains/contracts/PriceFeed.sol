// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// What Chainlink's feeds answer, set by the test.
contract PriceFeed {
    int256 private answer;
    uint256 private updatedAt;

    function set(int256 newAnswer, uint256 newUpdatedAt) external {
        answer = newAnswer;
        updatedAt = newUpdatedAt;
    }

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, answer, updatedAt, updatedAt, 1);
    }
}
